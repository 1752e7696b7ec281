"""The studio for programs: JSON under ``/api/v1``, opened by tokens. Described by ``/openapi.json``."""
