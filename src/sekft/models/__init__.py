"""OpenAI-compatible services: one client, its journal and its limits."""
