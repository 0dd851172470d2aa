-- What the twelve leads of a recording measure. A table of its own, since the predictor writes it and ingest writes
-- recordings: neither then waits for a row that the other holds.

create table twelve_lead_measures (
  recording_id text primary key,
  qrs_duration_ms double precision,
  qrs_area_uvs double precision,
  axis_degrees double precision,
  rhythm text check (rhythm in ('regular', 'irregular', 'af-like')),
  bundle_branch jsonb not null default '{}',
  lead_faults jsonb not null default '{}',
  lbbb_strauss boolean generated always as ((bundle_branch -> 'lbbb-strauss-2011' ->> 'met')::boolean) stored,
  lbbb_aha boolean generated always as ((bundle_branch -> 'lbbb-aha-2009' ->> 'met')::boolean) stored,
  lbbb_esc boolean generated always as ((bundle_branch -> 'lbbb-esc-2013' ->> 'met')::boolean) stored,
  rbbb_aha boolean generated always as ((bundle_branch -> 'rbbb-aha-2009' ->> 'met')::boolean) stored
);
comment on table twelve_lead_measures is 'Recordings with I, II and V1-V6; from the median beat (METHOD.md).';
comment on column twelve_lead_measures.qrs_area_uvs is 'Microvolt-seconds.';
comment on column twelve_lead_measures.bundle_branch is 'By rule: met, score, and each criterion with value and limits.';
comment on column twelve_lead_measures.lead_faults is 'By lead, those with a fault only.';

create or replace view v_recordings as
  select r.recording_id, r.patient, p.sex, r.age_years, r.feed_id, r.sample_rate_hz, r.leads,
    cardinality(r.leads) as lead_count, r.samples, r.samples / r.sample_rate_hz as seconds, r.status, r.code,
    r.end_reason, r.synthetic, r.waveform_sha256, r.first_seen, r.ended_at, r.origin_topic, r.origin_partition,
    r.origin_offset,
    m.qrs_duration_ms, m.qrs_area_uvs, m.axis_degrees, m.rhythm, m.lbbb_strauss, m.lbbb_aha, m.lbbb_esc, m.rbbb_aha,
    m.lead_faults
  from recordings r
    join patients p using (patient)
    left join twelve_lead_measures m using (recording_id);

create view v_bundle_branch_criteria as
  select m.recording_id, rule.key as rule, (rule.value ->> 'met')::boolean as rule_met,
    (rule.value ->> 'score')::double precision as score, c.name as criterion, c.value, c.unit, c.at_least, c.at_most,
    c.met
  from twelve_lead_measures m, jsonb_each(m.bundle_branch) as rule,
    jsonb_to_recordset(rule.value -> 'criteria') as c (
      name text, value double precision, unit text, at_least double precision, at_most double precision, met boolean);

grant select on twelve_lead_measures, v_bundle_branch_criteria to resync_service, resync_analyst;
grant insert, update, delete on twelve_lead_measures to resync_service;

-- As before, with the measures where there are any: the digests of other recordings stay what they were.
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
  ), measures as (
    select sha256(convert_to(
      (encode(float8send(m.qrs_duration_ms), 'hex'), encode(float8send(m.qrs_area_uvs), 'hex'),
       encode(float8send(m.axis_degrees), 'hex'), m.rhythm, m.bundle_branch::text, m.lead_faults::text)::text,
      'UTF8')) as digest
    from twelve_lead_measures m where m.recording_id = recording_digest.recording_id
  )
  select encode(sha256(
    coalesce(b.digest, '') || '\x00'::bytea || coalesce(p.digest, '') || coalesce('\x00'::bytea || m.digest, '')), 'hex')
  from beats b, predictions p left join measures m on true
  where b.digest is not null or p.digest is not null;
end;
