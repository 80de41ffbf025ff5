"""What the environment puts between us and a service: proxies and certificates, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

VARIABLES = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")


def unmade(error: Exception, env: Mapping[str, str]) -> str:
    """Why no client can be made, with the variable that asks for what is not there."""
    proxies = [name for name in env if name.lower() in VARIABLES]
    socks = any(env[name].lower().startswith("socks") for name in proxies)
    if isinstance(error, OSError) and (file := env.get("SSL_CERT_FILE") or env.get("SSL_CERT_DIR")):
        return f"SSL_CERT_FILE or SSL_CERT_DIR names {file}, which cannot be read: {error.strerror}"
    if isinstance(error, ImportError) and socks:
        return (
            f"{', '.join(proxies)}: a SOCKS proxy wants the library socksio: pip install socksio, or unset the variable"
        )
    asks = f" ({', '.join(proxies)} may be wrong: want http://HOST:PORT)" if proxies else ""
    return f"no client can be made: {error}{asks}"


def between(url: str) -> str:
    """For a message that nothing answers: that a proxy stands in between; empty where none does."""
    parts, proxies = urlsplit(url), getproxies()
    if not parts.hostname or not (proxies.keys() & {parts.scheme, "all"}) or proxy_bypass(parts.hostname):
        return ""
    return f"; a proxy stands in between ({parts.scheme}_proxy or all_proxy): no_proxy={parts.hostname} goes past it"
