-- Everything that a cohort's table may say of a patient. Names, units and allowed values are those of docs/COHORT.md;
-- the import checks them, line by line.

alter table baselines
  add column height_cm double precision,
  add column weight_kg double precision,
  add column diabetes boolean,
  add column hypertension boolean,
  add column ckd boolean,
  add column smoking boolean,
  add column acei_arb boolean,
  add column arni boolean,
  add column beta_blocker boolean,
  add column spironolactone boolean,
  add column sglt2i boolean,
  add column digoxin boolean,
  add column diuretic boolean,
  add column optimal_therapy boolean,
  add column egfr_ml_min double precision,
  add column nt_probnp_pg_ml double precision,
  add column qrs_morphology text,
  add column paced boolean,
  add column upgrade boolean,
  add column lvesd_mm double precision,
  add column echo_method text,
  add column ecg_date date,
  add column echo_date date,
  -- No import could ever fill it.
  drop column extra;
comment on table baselines is 'What was known before the implant. Dates are not for analysts, who get days between them.';

alter table outcomes
  add column implant_date date,
  add column device text,
  add column lv_lead_position text,
  add column biv_pacing_percent double precision,
  add column followup_echo_date date,
  add column lvesd_after_mm double precision,
  add check (followup_echo_date > implant_date);
comment on table outcomes is 'What is known from the implant on. None of it may ever be a predictor.';

create or replace view v_outcomes as
  select b.cohort, c.synthetic, b.patient, b.role, b.age_years, b.sex, b.nyha, b.ischaemic, b.lvef_percent,
    b.qrs_duration_ms, b.lbbb, b.rhythm, b.scar_percent, b.recording_id, o.followup_months, o.lvesv_before_ml,
    o.lvesv_after_ml, o.event, o.teichholz, o.response_threshold_percent, o.change_percent, o.response,
    o.super_response,
    case when o.event = 'none' then o.response end as response_without_events,
    b.height_cm, b.weight_kg, b.diabetes, b.hypertension, b.ckd, b.smoking, b.acei_arb, b.arni, b.beta_blocker,
    b.spironolactone, b.sglt2i, b.digoxin, b.diuretic, b.optimal_therapy, b.egfr_ml_min, b.nt_probnp_pg_ml,
    b.qrs_morphology, b.paced, b.upgrade, b.lvedv_ml, b.lvesv_ml, b.echo_method,
    o.implant_date - b.ecg_date as ecg_days_before_implant,
    o.implant_date - b.echo_date as echo_days_before_implant,
    o.followup_echo_date - o.implant_date as followup_echo_days,
    extract(year from o.implant_date)::int as implant_year,
    o.device, o.lv_lead_position, o.biv_pacing_percent
  from baselines b
    join cohorts c using (cohort)
    left join outcomes o using (cohort, patient);

-- Days of treatment point at people: analysts read all columns but the dates.
do $$
declare
  name text;
begin
  foreach name in array array['baselines', 'outcomes'] loop
    execute format('revoke select on %I from resync_analyst', name);
    execute (
      select format('grant select (%s) on %I to resync_analyst', string_agg(format('%I', column_name), ', '), name)
      from information_schema.columns
      where table_schema = current_schema() and table_name = name and data_type <> 'date');
  end loop;
end $$;
