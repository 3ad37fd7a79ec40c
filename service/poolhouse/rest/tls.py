"""TLS of the public port: certificate, key, and at will the authority of callers' certificates."""

from __future__ import annotations

import ssl

from poolhouse.settings import Settings


def ssl_context_of(settings: Settings) -> ssl.SSLContext | None:
    """The context that the settings describe; None where they name no certificate.

    Raises:
        ValueError: what is missing or cannot be read.
    """
    if settings.tls_certificate is None:
        if settings.tls_key is not None or settings.tls_client_ca is not None:
            raise ValueError("tls_key and tls_client_ca need tls_certificate beside them")
        return None
    # Python's own choice of ciphers for a server. Some distributions build it to leave the versions to OpenSSL's file.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, settings)
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except OSError as wrong:
            raise ValueError(f"tls_client_ca {settings.tls_client_ca} cannot be read: {wrong}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """Read certificate and key into the context; connections that come from now on see them.

    Raises:
        ValueError: where one of the files cannot be read, or they do not belong together.
    """
    assert settings.tls_certificate is not None
    try:
        # First into one that nobody uses: a pair that does not fit would leave half of itself behind.
        for trial in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            trial.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except OSError as wrong:  # ssl.SSLError is one
        raise ValueError(
            f"the TLS certificate {settings.tls_certificate} with the key {settings.tls_key or 'in it'} "
            f"cannot be used: {wrong}"
        ) from None
