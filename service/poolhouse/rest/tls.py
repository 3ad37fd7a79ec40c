"""TLS of the public port: certificate, key, and optionally the CA of client certificates."""

from __future__ import annotations

import ssl

from poolhouse.settings import Settings


def ssl_context_of(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context that the settings configure; None without a certificate.

    Raises:
        ValueError: a file is missing or cannot be read.
    """
    if settings.tls_certificate is None:
        if settings.tls_key is not None or settings.tls_client_ca is not None:
            raise ValueError("tls_key and tls_client_ca need tls_certificate")
        return None
    # Python's default ciphers. The minimum version is set here, since some distributions leave it to OpenSSL's config.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, settings)
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except OSError as error:
            raise ValueError(f"tls_client_ca {settings.tls_client_ca} cannot be read: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """Load certificate and key into the context, for all later handshakes.

    Raises:
        ValueError: a file cannot be read, or the key does not match the certificate.
    """
    assert settings.tls_certificate is not None
    try:
        # First into an unused context: loading a mismatched pair would leave the certificate without its key.
        for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            each.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except OSError as error:  # ssl.SSLError is a subclass
        raise ValueError(
            f"the TLS certificate {settings.tls_certificate} with the key {settings.tls_key or 'in it'} "
            f"cannot be used: {error}"
        ) from None
