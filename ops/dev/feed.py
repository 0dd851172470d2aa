#!/usr/bin/env python3
"""An example feed: publishes one recording from a CSV file to ecg.ingest, in JSON chunks.

  apt install python3-confluent-kafka    (or pip install confluent-kafka)
  ops/dev/feed.py recording.csv --rate 360 --patient 4711 --servers localhost:9092

The CSV's first line names the leads (MLII,V5); every other line holds one sample of each, in mV.
"""
import argparse, base64, csv, hashlib, json, os, struct, sys
from confluent_kafka import Producer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file")
parser.add_argument("--rate", type=float, required=True, help="samples a second of each lead, 100 to 1000")
parser.add_argument("--patient", required=True, help="your patient identifier; ingest replaces it by a pseudonym")
parser.add_argument("--feed", default="example", help="name of this feed")
parser.add_argument("--seconds", type=float, default=10, help="length of a chunk")
parser.add_argument("--servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"))
parser.add_argument("--topic-prefix", default=os.environ.get("RESYNC_TOPIC_PREFIX", ""))
arguments = parser.parse_args()

with open(arguments.file, "rb") as file:
    content = file.read()
leads, *rows = csv.reader(content.decode().splitlines())
samples = [[float(value) for value in row] for row in rows]
if not samples or any(len(row) != len(leads) for row in samples):
    sys.exit(f"{arguments.file}: expected a line of lead names, then lines of as many samples")
uid = hashlib.sha256(content).hexdigest()  # The same file gives the same recording, so sending it again is harmless.
size = max(1, int(arguments.seconds * arguments.rate))
chunks = [samples[start:start + size] for start in range(0, len(samples), size)]
failures = []

# Idempotent, so that a repeated send keeps the order; murmur2_random, so that a key meets the partition Java gives it.
producer = Producer({"bootstrap.servers": arguments.servers, "enable.idempotence": True,
                     "partitioner": "murmur2_random", "compression.type": "lz4"})
for sequence, chunk in enumerate(chunks):
    planar = [row[lead] for lead in range(len(leads)) for row in chunk]  # All of lead 0, then all of lead 1, ...
    message = {
        "feedId": arguments.feed, "recordingUid": uid, "patientId": arguments.patient,
        "sequence": sequence, "last": sequence == len(chunks) - 1, "sampleRateHz": arguments.rate,
        "channels": [{"lead": lead.strip(), "unit": "mV", "gain": 1} for lead in leads],
        "sampleType": "SAMPLE_TYPE_FLOAT32",
        "samples": base64.b64encode(struct.pack(f"<{len(planar)}f", *planar)).decode(),
    }
    producer.produce(arguments.topic_prefix + "ecg.ingest", json.dumps(message).encode(), key=uid,
                     headers={"content-type": "application/json"},
                     on_delivery=lambda error, _: failures.append(error) if error else None)
    producer.poll(0)
left = producer.flush(30)
if failures or left:
    sys.exit(f"{len(failures) + left} of {len(chunks)} chunks were not delivered: {failures[:1]}")
print(f"published recording {uid} in {len(chunks)} chunks")
