create table projects (
  name text primary key,
  created_ms integer not null,
  live text references deployments (id) deferrable initially deferred,
  auto_promote integer not null default 1,
  skew_max_age_ms integer not null,
  preview_days integer not null,
  production_count integer not null
) strict;

create table deployments (
  id text primary key,
  project text not null references projects (name) on delete cascade,
  target text not null check (target in ('production', 'preview')),
  state text not null check (state in ('uploading', 'building', 'ready', 'failed', 'deleted')),
  error text,
  created_ms integer not null,
  ready_ms integer,
  -- When production domains last began to lead to it.
  live_ms integer,
  creator text not null,
  promoted_from text,
  -- Whether it gets the production domains once it is ready.
  promote integer not null,
  git text,
  directory text not null,
  file_count integer not null,
  bytes integer not null,
  -- What the upload consists of, as JSON, compressed.
  manifest blob not null,
  functions text not null default '[]',
  crons text not null default '[]',
  -- What its functions find in their environment, encrypted.
  environment blob
) strict;
create index deployments_of_project on deployments (project, created_ms desc);

create table domains (
  host text primary key,
  project text not null references projects (name) on delete cascade,
  target text not null check (target in ('production', 'preview')),
  created_ms integer not null,
  is_own integer not null
) strict;
create index domains_of_project on domains (project);

create table variables (
  project text not null references projects (name) on delete cascade,
  name text not null,
  target text not null check (target in ('production', 'preview')),
  -- Encrypted, whether or not it is a secret.
  value blob not null,
  secret integer not null,
  updated_ms integer not null,
  primary key (project, name, target)
) strict;

create table releases (
  project text primary key references projects (name) on delete cascade,
  stable text not null,
  canary text not null,
  stages text not null,
  stage integer not null,
  stage_since_ms integer not null
) strict;

create table tokens (
  id text primary key,
  name text not null,
  role text not null check (role in ('read', 'deploy', 'admin')),
  -- SHA-256 of the secret, which is random: a slow hash would protect nothing more.
  hash blob not null unique,
  created_ms integer not null,
  last_used_ms integer,
  expires_ms integer
) strict;

create table audit (
  seq integer primary key autoincrement,
  at_ms integer not null,
  actor text not null,
  action text not null,
  project text,
  subject text,
  detail text,
  address text
) strict;
create index audit_of_project on audit (project, seq desc);

create table settings (
  name text primary key,
  value text not null
) strict;
