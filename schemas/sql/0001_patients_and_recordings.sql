-- Who and what: patients (pseudonyms only), cohorts with their outcomes, recordings.

create domain task_name as text check (value in ('beat-class', 'crt-response'));
create domain sha256_hex as text check (value ~ '^[0-9a-f]{64}$');

create table patients (
  patient text primary key check (patient <> ''),
  sex text check (sex in ('female', 'male')),
  synthetic boolean not null,
  first_seen timestamptz not null default now()
);
comment on column patients.patient is 'Pseudonym made with a keyed hash; never the feed''s own identifier.';

create table cohorts (
  cohort text primary key check (cohort <> ''),
  synthetic boolean not null,
  note text not null default '',
  imported_at timestamptz not null default now()
);

create table baselines (
  cohort text not null references cohorts,
  patient text not null references patients,
  role text not null check (role in ('train', 'holdout')),
  age_years double precision check (age_years between 0 and 130),
  sex text check (sex in ('female', 'male')),
  nyha smallint check (nyha between 1 and 4),
  ischaemic boolean,
  lvef_percent double precision check (lvef_percent between 0 and 100),
  lvesv_ml double precision check (lvesv_ml > 0),
  lvedv_ml double precision check (lvedv_ml > 0),
  qrs_duration_ms double precision check (qrs_duration_ms between 0 and 400),
  lbbb boolean,
  rhythm text,
  scar_percent double precision check (scar_percent between 0 and 100),
  recording_id text,
  extra jsonb not null default '{}',
  primary key (cohort, patient)
);
comment on column baselines.recording_id is 'The baseline ECG, when it came as a recording.';
comment on column baselines.extra is 'What a cohort knows beyond the common columns, e.g. drugs and comorbidities.';

-- Volumes and threshold are numeric, so that "more than 15 %" is decided in exact decimal arithmetic.
create table outcomes (
  cohort text not null,
  patient text not null,
  followup_months double precision check (followup_months >= 0),
  lvesv_before_ml numeric check (lvesv_before_ml > 0 and lvesv_before_ml <> 'NaN'),
  lvesv_after_ml numeric check (lvesv_after_ml >= 0 and lvesv_after_ml <> 'NaN'),
  event text not null default 'none' check (event in ('none', 'death', 'transplant', 'lvad')),
  teichholz boolean not null default false,
  response_threshold_percent numeric not null default 15 check (response_threshold_percent between 0 and 100),
  change_percent double precision generated always as (
    -- Computed before the checks: with nullif the check on the volume speaks, not a division by zero.
    ((lvesv_before_ml - lvesv_after_ml) * 100 / nullif(lvesv_before_ml, 0))::double precision) stored,
  response boolean generated always as (
    case
      when event <> 'none' then false
      else (lvesv_before_ml - lvesv_after_ml) * 100 > response_threshold_percent * lvesv_before_ml
    end) stored,
  super_response boolean generated always as (
    case when event <> 'none' then false else (lvesv_before_ml - lvesv_after_ml) * 100 >= 30 * lvesv_before_ml end
  ) stored,
  primary key (cohort, patient),
  foreign key (cohort, patient) references baselines on delete cascade
);
comment on column outcomes.change_percent is 'Reduction of LVESV in percent of the value before; known also after an event.';
comment on column outcomes.response is 'Reduction above the threshold; an event counts as non-response; null when unknown.';
comment on column outcomes.teichholz is 'Both volumes computed from diameters (Teichholz).';

create table recordings (
  recording_id text primary key check (recording_id <> ''),
  feed_id text not null,
  patient text not null references patients,
  sample_rate_hz double precision check (sample_rate_hz > 0),
  leads text[] not null,
  synthetic boolean not null,
  age_years double precision,
  status text not null default 'open' check (status in ('open', 'complete', 'rejected')),
  code text,
  samples bigint check (samples >= 0),
  waveform_sha256 sha256_hex,
  origin_topic text not null,
  origin_partition integer not null,
  origin_offset bigint not null,
  first_seen timestamptz not null default now(),
  ended_at timestamptz,
  end_reason text,
  check (status <> 'rejected' or code is not null),
  check (status <> 'complete' or (samples is not null and waveform_sha256 is not null)),
  check ((status = 'open') = (ended_at is null))
);
create index recordings_patient on recordings (patient);
create index recordings_first_seen on recordings (first_seen);
