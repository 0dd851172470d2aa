"""TLS and SASL: who gets in, and who does not."""

import os
import subprocess

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from support import BrokerTestCase


class SecurityTests(BrokerTestCase):
    def options(self):
        """A certificate that is its own authority, and one user."""
        self.certificate, users, both = (os.path.join(self.folder.name, name) for name in ("ca", "users", "both"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", both, "-out", self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        with open(both, "ab") as file, open(self.certificate, "rb") as certificate:
            file.write(certificate.read())
        with open(users, "w") as file:
            file.write("service:open:sesame\n")
        return "--users", users, "--certificate", both

    def topics(self, seconds, **changes):
        """The names of the topics as a client sees them that has all it needs, but for what is changed."""
        settings = {
            "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "service",
            "sasl_password": "open:sesame", "ssl_ca_location": self.certificate, **changes,
        }  # fmt: skip
        properties = {name.replace("_", "."): value for name, value in settings.items() if value}
        admin = AdminClient({"bootstrap.servers": self.broker.address, "log_level": 0, **properties})
        return list(admin.list_topics(timeout=seconds).topics)

    def refuses(self, **change):
        with self.subTest(change), self.assertRaises(KafkaException):
            self.topics(0.5, **change)

    def test_with_all_that_is_asked_for_a_client_gets_in_and_with_anything_else_it_does_not(self):
        self.assertEqual(self.topics(10), [])
        self.refuses(security_protocol="SSL")
        self.refuses(security_protocol="SASL_PLAINTEXT")
        self.refuses(sasl_password="sesame")
        self.refuses(sasl_username="nobody")
        self.refuses(sasl_mechanism="SCRAM-SHA-256")
        self.refuses(ssl_ca_location=None)


class UsersTests(SecurityTests):
    def options(self):
        return super().options()[:2]

    def test_with_all_that_is_asked_for_a_client_gets_in_and_with_anything_else_it_does_not(self):
        self.assertEqual(self.topics(10, security_protocol="SASL_PLAINTEXT"), [])
        self.refuses(security_protocol="SASL_PLAINTEXT", sasl_password="sesame")
        self.refuses(security_protocol="PLAINTEXT")

    def test_before_it_has_said_who_it_is_a_client_is_answered_nothing_but_the_list_of_requests(self):
        client = self.connect()
        self.assertIn(17, [api.key for api in client("ApiVersions", 0).apis])
        with self.assertRaises(ConnectionError):
            client("Metadata", 8, topics=None, auto_create=False)
        client = self.connect()
        self.assertEqual(client("SaslHandshake", 1, mechanism="SCRAM-SHA-256").error, 33)
        self.assertEqual(client("SaslHandshake", 1, mechanism="PLAIN").mechanisms, ["PLAIN"])
        for token in b"junk", b"\0service\0sesame", b"\0service\0":
            self.assertEqual(client("SaslAuthenticate", 1, token=token).error, 58)
        self.assertEqual(client("SaslAuthenticate", 1, token=b"\0service\0open:sesame").error, 0)
        self.assertEqual(client("Metadata", 8, topics=None, auto_create=False).topics, [])
