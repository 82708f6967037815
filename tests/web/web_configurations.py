"""Web configurations, good and bad, that a test may write beside certificates of its own."""

from __future__ import annotations

HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
"""A bcrypt hash, out of the format's documentation."""

TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
"""The beginning of a section that does TLS; a comma or a closing brace has to follow."""

SHARED_WITH_PROMETHEUS: dict[str, str] = {
    # ------------------------------------------------------------------ the whole file
    "empty": "",
    "comment alone": "# nothing yet\n",
    "nothing": "~\n",
    "a list": "- tls_server_config\n",
    "a word": "yes please\n",
    "unknown section": "tls_config: {}\n",
    "section twice": "http_server_config: {}\nhttp_server_config: {}\n",
    "not YAML": "tls_server_config: {cert_file: server.pem\n",
    "tab for indentation": "http_server_config:\n\thttp2: true\n",
    "control character": "http_server_config: {http2: true}\x01\n",
    "not UTF-8": "\udcff\udcfe: 1\n",
    "second document": "---\nhttp_server_config: {http2: true}\n---\nnonsense: 1\n",
    "JSON": '{"http_server_config": {"http2": false}}\n',
    "merge": "http_server_config: {<<: {http2: false}}\n",
    "every section empty": "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n",
    "section as list": "tls_server_config: []\n",
    "section as word": "http_server_config: on\n",
    # ------------------------------------------------------------------ tls_server_config
    "TLS": TLS + "}\n",
    "TLS with another key": "tls_server_config: {cert_file: server.pem, key_file: other.key}\n",
    "TLS with encrypted key": "tls_server_config: {cert_file: server.pem, key_file: encrypted.key}\n",
    "TLS without key": "tls_server_config: {cert_file: server.pem}\n",
    "TLS without certificate": "tls_server_config: {key_file: server.key}\n",
    "TLS with key and certificate exchanged": (
        "tls_server_config: {cert_file: server.key, key_file: server.pem}\n"
    ),
    "certificate missing": "tls_server_config: {cert_file: nowhere.pem, key_file: server.key}\n",
    "key missing": "tls_server_config: {cert_file: server.pem, key_file: nowhere.key}\n",
    "certificate is a folder": "tls_server_config: {cert_file: ., key_file: server.key}\n",
    "certificate is no PEM": "tls_server_config: {cert_file: junk.pem, key_file: server.key}\n",
    "certificate as list": "tls_server_config: {cert_file: [server.pem], key_file: server.key}\n",
    "unknown TLS key": TLS + ", ca_file: ca.pem}\n",
    "key twice": TLS + ", key_file: server.key}\n",
    "versions": TLS + ", min_version: TLS12, max_version: TLS13}\n",
    "old version": TLS + ", min_version: TLS10}\n",
    "version as OpenSSL writes it": TLS + ", min_version: TLSv1.2}\n",
    "version as number": TLS + ", min_version: 1.2}\n",
    "version as nothing": TLS + ", min_version: }\n",
    "version as empty text": TLS + ', min_version: ""}\n',
    "versions crossed": TLS + ", min_version: TLS13, max_version: TLS12}\n",
    "version without TLS": "tls_server_config: {min_version: TLS12}\n",
    "unknown version without TLS": "tls_server_config: {min_version: TLS9}\n",
    "ciphers": TLS + ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]}\n",
    "ciphers of 1.3 alone": TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}\n",
    "cipher as OpenSSL writes it": TLS + ", cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]}\n",
    "insecure cipher": TLS + ", cipher_suites: [TLS_RSA_WITH_3DES_EDE_CBC_SHA]}\n",
    "cipher without list": TLS + ", cipher_suites: TLS_AES_128_GCM_SHA256}\n",
    "cipher of nothing": TLS + ", cipher_suites: [~]}\n",
    "no ciphers": TLS + ", cipher_suites: []}\n",
    "curves": TLS + ", curve_preferences: [X25519, CurveP256]}\n",
    "curve as OpenSSL writes it": TLS + ", curve_preferences: [prime256v1]}\n",
    "preference": TLS + ", prefer_server_cipher_suites: false}\n",
    "preference as number": TLS + ", prefer_server_cipher_suites: 1}\n",
    "clients": TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n",
    "clients without authority": TLS + ", client_auth_type: RequireAndVerifyClientCert}\n",
    "clients if they like": TLS + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}\n",
    "clients of any kind": TLS + ", client_auth_type: RequireAnyClientCert}\n",
    "clients, the old name": TLS + ", client_auth_type: RequireClientCert, client_ca_file: ca.pem}\n",
    "clients asked only": TLS + ", client_auth_type: RequestClientCert, client_ca_file: ca.pem}\n",
    "no clients": TLS + ", client_auth_type: NoClientCert}\n",
    "no clients and an authority": TLS + ", client_auth_type: NoClientCert, client_ca_file: ca.pem}\n",
    "authority alone": TLS + ", client_ca_file: ca.pem}\n",
    "authority missing": TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: no.pem}\n",
    "authority of junk": TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: junk.pem}\n",
    "client type misspelt": TLS + ", client_auth_type: requireAndVerifyClientCert, client_ca_file: ca.pem}\n",
    "client type without TLS": "tls_server_config: {client_auth_type: NoClientCert}\n",
    # ------------------------------------------------------------------ http_server_config
    "headers": (
        "http_server_config:\n  http2: true\n  headers:\n    Strict-Transport-Security: max-age=31536000\n"
        "    X-Frame-Options: sameorigin\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 0\n"
        "    Content-Security-Policy: default-src 'self'\n"
    ),
    "other header": "http_server_config: {headers: {X-Powered-By: us}}\n",
    "header in lower case": "http_server_config: {headers: {x-frame-options: deny}}\n",
    "header with wrong value": "http_server_config: {headers: {X-Frame-Options: ALLOWALL}}\n",
    "header with value in capitals": "http_server_config: {headers: {X-Frame-Options: DENY}}\n",
    "header of nothing": "http_server_config: {headers: {X-Content-Type-Options: }}\n",
    "headers as list": "http_server_config: {headers: [X-Frame-Options]}\n",
    "http2 as word": "http_server_config: {http2: y}\n",
    "http2 in quotes": 'http_server_config: {http2: "true"}\n',
    "http2 as number": "http_server_config: {http2: 1}\n",
    "http2 as nothing": "http_server_config: {http2: }\n",
    # ------------------------------------------------------------------ basic_auth_users
    "users": f"basic_auth_users:\n  alice: {HASH}\n  bob: {HASH}\n",
    "user in clear": "basic_auth_users: {alice: secret}\n",
    "user with other hash": "basic_auth_users: {alice: '{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8'}\n",
    "user with short hash": f"basic_auth_users: {{alice: {HASH[:58]}}}\n",
    "user with nearly whole hash": f"basic_auth_users: {{alice: {HASH[:59]}}}\n",
    "user with more behind": f"basic_auth_users: {{alice: {HASH}XXXX}}\n",
    "user with low cost": f"basic_auth_users: {{alice: {HASH.replace('$10$', '$03$')}}}\n",
    "user with high cost": f"basic_auth_users: {{alice: {HASH.replace('$10$', '$32$')}}}\n",
    "user with cost in letters": f"basic_auth_users: {{alice: {HASH.replace('$10$', '$ab$')}}}\n",
    "user with later bcrypt": f"basic_auth_users: {{alice: {HASH.replace('$2y', '$3y')}}}\n",
    "user with first bcrypt": f"basic_auth_users: {{alice: {HASH.replace('$2y', '$2')}}}\n",
    "user with sha512-crypt": f"basic_auth_users: {{alice: $6$rounds=5000$salt${'a' * 86}}}\n",
    "user of nothing": "basic_auth_users: {alice: }\n",
    "user twice": f"basic_auth_users:\n  alice: {HASH}\n  alice: {HASH}\n",
    "user as number": f"basic_auth_users: {{1: {HASH}}}\n",
    "user without name": f"basic_auth_users: {{'': {HASH}}}\n",
    "users as list": f"basic_auth_users: [alice, '{HASH}']\n",
}
"""What Debian's promtool has a verdict on, by what it shows."""

NEWER: dict[str, bool] = {
    "rate_limit: {interval: 1s, burst: 20}\n": True,
    "rate_limit: {interval: 0, burst: 20}\n": True,
    "rate_limit: {interval: 1 second}\n": False,
    "rate_limit: {interval: 1s, burst: many}\n": False,
    "rate_limit: {every: 1s}\n": False,
    TLS
    + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [a]}\n": (
        True
    ),
    TLS + ", client_allowed_sans: [a]}\n": False,
}
"""What later versions of the format have and Debian's promtool does not know, with the right verdict."""
