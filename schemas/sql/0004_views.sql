-- For analysts: read-only, one subject a view, no weights.

create table beat_symbols (
  symbol text primary key,
  beat_class text not null check (beat_class in ('N', 'S', 'V', 'F', 'Q'))
);
comment on table beat_symbols is 'MIT-BIH annotation symbols and their ANSI/AAMI EC57 class.';
insert into beat_symbols
  select symbol, beat_class
  from (values ('N', 'NLRej'), ('S', 'AaJS'), ('V', 'VE'), ('F', 'F'), ('Q', '/fQ')) as t (beat_class, symbols),
    regexp_split_to_table(symbols, '') as symbol;

create view v_recordings as
  select r.recording_id, r.patient, p.sex, r.age_years, r.feed_id, r.sample_rate_hz, r.leads,
    cardinality(r.leads) as lead_count, r.samples, r.samples / r.sample_rate_hz as seconds, r.status, r.code,
    r.end_reason, r.synthetic, r.waveform_sha256, r.first_seen, r.ended_at, r.origin_topic, r.origin_partition,
    r.origin_offset
  from recordings r join patients p using (patient);

create view v_predictions as
  select p.recording_id, p.task, p.patient, p.outcome, p.probability, p.decision, p.flags, p.code, p.beats,
    p.beat_counts, p.qrs_duration_ms, p.synthetic, p.trained_on_synthetic, p.created_at, p.model_id,
    m.weights_sha256, m.parent_model_id, m.pipeline_id, m.job_id, p.waveform_sha256,
    'Research use only, not a medical device.' as notice
  from predictions p left join models m using (model_id);

-- Beats that carry a reference label, counted by what was said of them; what ended in a rejection, at whatever stage,
-- is void.
create view v_beat_confusion as
  select b.model_id, r.synthetic, b.recording_id, s.beat_class as reference_class, b.predicted_class,
    count(*) as beats
  from beat_predictions b
    join beat_symbols s on s.symbol = b.reference_symbol
    join recordings r using (recording_id)
  where b.task = 'beat-class' and r.status <> 'rejected'
    and not exists (
      select from predictions p
      where p.recording_id = b.recording_id and p.task = b.task and p.outcome = 'rejected')
  group by b.model_id, r.synthetic, b.recording_id, s.beat_class, b.predicted_class;

-- A model, each model it grew from, and the training run of each; depth 0 is the model itself.
create view v_model_lineage as
  with recursive lineage as (
    select model_id, model_id as ancestor_model_id, 0 as depth from models
    union all
    select l.model_id, m.parent_model_id, l.depth + 1
    from lineage l join models m on m.model_id = l.ancestor_model_id
    where m.parent_model_id is not null
  )
  select l.model_id, l.depth, l.ancestor_model_id, m.task, m.weights_sha256, m.trained_on_synthetic, m.pipeline_id,
    m.job_id, j.specification, j.cohort, m.created_at,
    (select count(*) from model_training_recordings t where t.model_id = l.ancestor_model_id) as training_recordings
  from lineage l
    join models m on m.model_id = l.ancestor_model_id
    left join training_jobs j on j.job_id = m.job_id;

create view v_promotion_periods as
  select task, model_id, promoted_at as live_from,
    lead(promoted_at) over (partition by task order by id) as live_until, by, reason
  from promotions;

create view v_outcomes as
  select b.cohort, c.synthetic, b.patient, b.role, b.age_years, b.sex, b.nyha, b.ischaemic, b.lvef_percent,
    b.qrs_duration_ms, b.lbbb, b.rhythm, b.scar_percent, b.recording_id, o.followup_months, o.lvesv_before_ml,
    o.lvesv_after_ml, o.event, o.teichholz, o.response_threshold_percent, o.change_percent, o.response,
    o.super_response,
    case when o.event = 'none' then o.response end as response_without_events
  from baselines b
    join cohorts c using (cohort)
    left join outcomes o using (cohort, patient);

create view v_training_jobs as
  select job_id, task, state, cohort, cardinality(recordings) as recordings, pipeline_id, attempts, error, model_id,
    lease_owner, lease_expires_at, created_at, started_at, finished_at,
    (select count(*) from training_epochs e where e.job_id = j.job_id) as epochs,
    (select max(validation_score) from training_epochs e where e.job_id = j.job_id) as best_validation_score
  from training_jobs j;

-- The data that a cohort's models were fitted on, as one number; times do not enter.
create function cohort_digest(cohort text) returns text language sql stable
begin atomic
  select encode(sha256(convert_to(string_agg(
      jsonb_build_array(to_jsonb(b), to_jsonb(o))::text, E'\n' order by b.patient collate "C"), 'UTF8')), 'hex')
  from baselines b left join outcomes o using (cohort, patient)
  where b.cohort = cohort_digest.cohort;
end;
