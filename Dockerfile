# A userland for `--sandbox docker`, beside `busybox`, `gnu` and `workstation` (docs/sandbox.md):
#
#     docker build -t sekft-dash .
#     SEKFT_IMAGE=sekft-dash sekft run --sandbox docker …
#
# Alpine's busybox with dash as /bin/sh, mandoc, and our man, apropos and panic. The runner and the checks' tools are
# mounted, never baked in.
FROM alpine:3.22
RUN apk add --no-cache dash mandoc mandoc-apropos mandoc-doc && ln -sf dash /bin/sh
# mandoc goes by the name it is called under; ours call it mman, mapropos and mwhatis, as Debian does.
RUN mkdir -p /usr/lib/mandoc && for name in man apropos whatis makewhatis; do \
        rm -f "/usr/bin/$name" "/usr/sbin/$name" && ln -s /usr/bin/mandoc "/usr/lib/mandoc/$name" && \
        printf '#!/bin/sh\nexec /usr/lib/mandoc/%s "$@"\n' "$name" >"/usr/bin/m$name" && chmod 755 "/usr/bin/m$name"; \
    done
COPY src/sekft/sandboxes/userlands/files/man src/sekft/sandboxes/userlands/files/apropos \
    src/sekft/sandboxes/userlands/files/panic /usr/bin/
COPY src/sekft/sandboxes/userlands/files/panic.1 /usr/share/man/man1/
RUN ln -s apropos /usr/bin/whatis && chmod 755 /usr/bin/man /usr/bin/apropos /usr/bin/panic && \
    chmod 644 /usr/share/man/man1/panic.1 && mmakewhatis /usr/share/man
# What a session's root holds: each folder is bound from the image, made anew for a session, or empty.
RUN mkdir -p /usr/lib/sekft /usr/local && for part in bin dev etc home lib opt proc root run/sekft sbin srv sys tmp usr var; \
    do mkdir -p "/.sekft/$part"; done
ENV LANG=C.UTF-8 TZ=UTC
CMD ["/bin/sh"]
