-- What the suite says: pins, beats, predictions, rejections, evaluations, and a digest to compare runs by.

create table pins (
  recording_id text not null,
  task task_name not null,
  model_id text not null,
  pinned_at timestamptz not null default now(),
  primary key (recording_id, task),
  foreign key (task, model_id) references models (task, model_id)
);
comment on table pins is 'The model that serves a recording from its first beat to its end, whatever is promoted since.';

create table beat_predictions (
  recording_id text not null,
  task task_name not null,
  r_peak_sample bigint not null check (r_peak_sample >= 0),
  model_id text not null references models,
  r_peak_seconds double precision not null,
  probabilities real[] not null,
  logits real[] not null,
  predicted_class text not null,
  reference_symbol text,
  quality_passed boolean not null,
  ectopic_suspected boolean not null,
  distance real,
  segment_sha256 bytea not null check (length(segment_sha256) = 32),
  tensor_sha256 bytea not null check (length(tensor_sha256) = 32),
  primary key (recording_id, task, r_peak_sample)
);
comment on column beat_predictions.r_peak_sample is 'Sample index at the recording''s native rate.';
comment on column beat_predictions.distance is 'How far the beat lies from the training data; null when the model does not tell.';

create table predictions (
  recording_id text not null,
  task task_name not null,
  patient text not null,
  model_id text references models,
  outcome text not null check (outcome in ('predicted', 'abstained', 'not_applicable', 'rejected')),
  probability double precision check (probability between 0 and 1),
  decision text,
  flags text[] not null default '{}',
  beat_counts jsonb not null default '{}',
  beats bigint not null check (beats >= 0),
  code text,
  trained_on_synthetic boolean,
  synthetic boolean not null,
  waveform_sha256 sha256_hex,
  qrs_duration_ms double precision,
  created_at timestamptz not null default now(),
  primary key (recording_id, task),
  check (outcome not in ('predicted', 'abstained') or (model_id is not null and trained_on_synthetic is not null)),
  check (outcome <> 'rejected' or code is not null),
  check (outcome = 'predicted' or decision is null)
);
comment on table predictions is
  'One outcome for each recording and task. Research use only, not a medical device: a low score is no reason to '
  'withhold CRT that a guideline indicates.';
create index predictions_created_at on predictions (created_at);

create table rejections (
  origin_topic text not null,
  origin_partition integer not null,
  origin_offset bigint not null,
  service text not null,
  code text not null,
  text text not null,
  recording_id text,
  size_bytes bigint not null check (size_bytes >= 0),
  rejected_at timestamptz not null default now(),
  replayed_at timestamptz,
  primary key (origin_topic, origin_partition, origin_offset)
);
create index rejections_rejected_at on rejections (rejected_at);

create table evaluations (
  evaluation_id text primary key check (evaluation_id <> ''),
  task task_name not null,
  model_id text not null references models,
  scope text not null,
  protocol text not null,
  metrics jsonb not null,
  tp bigint check (tp >= 0),
  tn bigint check (tn >= 0),
  fp bigint check (fp >= 0),
  fn bigint check (fn >= 0),
  recordings bigint not null check (recordings >= 0),
  beats bigint not null check (beats >= 0),
  synthetic boolean not null,
  created_at timestamptz not null default now(),
  scored_at timestamptz not null,
  check (num_nulls(tp, tn, fp, fn) in (0, 4))
);
comment on column evaluations.scored_at is 'Every prediction made before this time is in the figures.';

-- Bit for bit: floating-point numbers enter by their binary form, times not at all. Two runs agree when their digests do.
-- Null for a recording of which nothing is said.
create function recording_digest(recording_id text) returns text language sql stable
begin atomic
  with beats as (
    select sha256(convert_to(string_agg(
      (b.task::text, b.r_peak_sample, b.model_id, encode(float8send(b.r_peak_seconds), 'hex'),
       encode(array_send(b.probabilities), 'hex'), encode(array_send(b.logits), 'hex'), b.predicted_class,
       b.reference_symbol, b.quality_passed, b.ectopic_suspected, encode(float4send(b.distance), 'hex'),
       encode(b.segment_sha256, 'hex'), encode(b.tensor_sha256, 'hex'))::text,
      E'\n' order by b.task::text collate "C", b.r_peak_sample), 'UTF8')) as digest
    from beat_predictions b where b.recording_id = recording_digest.recording_id
  ), predictions as (
    select sha256(convert_to(string_agg(
      (p.task::text, p.patient, p.model_id, p.outcome, encode(float8send(p.probability), 'hex'), p.decision,
       p.flags::text, p.beat_counts::text, p.beats, p.code, p.trained_on_synthetic, p.synthetic,
       p.waveform_sha256::text, encode(float8send(p.qrs_duration_ms), 'hex'))::text,
      E'\n' order by p.task::text collate "C"), 'UTF8')) as digest
    from predictions p where p.recording_id = recording_digest.recording_id
  )
  select encode(sha256(coalesce(b.digest, '') || '\x00'::bytea || coalesce(p.digest, '')), 'hex')
  from beats b, predictions p
  where b.digest is not null or p.digest is not null;
end;

create view recording_digests as
  select recording_id, recording_digest(recording_id) as digest
  from (select recording_id from beat_predictions union select recording_id from predictions) as said;
