-- What a model's calibration makes of a patient's score: probability, and the interval that decides whether to decide.

alter table predictions
  add column calibrated_probability double precision check (calibrated_probability between 0 and 1),
  add column probability_lowest double precision check (probability_lowest between 0 and 1),
  add column probability_highest double precision check (probability_highest between 0 and 1),
  add check (num_nulls(calibrated_probability, probability_lowest, probability_highest) in (0, 3)),
  add check (probability_lowest <= probability_highest);
comment on column predictions.calibrated_probability is 'Platt; null for models without calibration.';
comment on column predictions.probability_lowest is 'Venn-Abers interval; no decision is given when it holds the threshold.';

create or replace view v_predictions as
  select p.recording_id, p.task, p.patient, p.outcome, p.probability, p.decision, p.flags, p.code, p.beats,
    p.beat_counts, p.qrs_duration_ms, p.synthetic, p.trained_on_synthetic, p.created_at, p.model_id,
    m.weights_sha256, m.parent_model_id, m.pipeline_id, m.job_id, p.waveform_sha256,
    'Research use only, not a medical device.' as notice,
    p.calibrated_probability, p.probability_lowest, p.probability_highest
  from predictions p left join models m using (model_id);

create or replace function recording_digest(recording_id text) returns text language sql stable
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
       p.waveform_sha256::text, encode(float8send(p.qrs_duration_ms), 'hex'),
       encode(float8send(p.calibrated_probability), 'hex'), encode(float8send(p.probability_lowest), 'hex'),
       encode(float8send(p.probability_highest), 'hex'))::text,
      E'\n' order by p.task::text collate "C"), 'UTF8')) as digest
    from predictions p where p.recording_id = recording_digest.recording_id
  )
  select encode(sha256(coalesce(b.digest, '') || '\x00'::bytea || coalesce(p.digest, '')), 'hex')
  from beats b, predictions p
  where b.digest is not null or p.digest is not null;
end;
