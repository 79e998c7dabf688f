-- One schema for each question that a proposal answers.

create schema music; -- as in many sample databases: no cascades, keys named after tables
create table music.artist (artist_id int primary key, name text);
create table music.album (album_id int primary key, title text, artist_id int not null references music.artist);
create table music.genre (genre_id int primary key, name text);
create table music.employee (employee_id int primary key, name text, reports_to int references music.employee);
create table music.customer (customer_id int primary key, name text, support_rep_id int references music.employee);
create table music.invoice (invoice_id int primary key, customer_id int not null references music.customer, total numeric);
create table music.track (track_id int primary key, name text, album_id int references music.album, genre_id int references music.genre);
create table music.invoice_line (invoice_line_id int primary key, invoice_id int not null references music.invoice,
  track_id int not null references music.track, quantity int, price numeric);
create table music.playlist (playlist_id int primary key, name text);
create table music.playlist_track (playlist_id int references music.playlist, track_id int references music.track,
  primary key (playlist_id, track_id));

create schema links;
create table links.users (id int primary key, email text unique);
create table links.roles (id int primary key, name text);
create table links.user_roles (user_id int references links.users on delete cascade, role_id int references links.roles on delete cascade,
  granted_at timestamptz, primary key (user_id, role_id)); -- in composite key
create table links.teams (id int primary key, name text);
create table links.members (id int primary key, team_id int not null references links.teams, user_id int not null references links.users,
  unique (team_id, user_id)); -- a key of its own beside the two
create table links.tags (id int primary key, name text);
create table links.tags_teams (tag_id int not null references links.tags, team_id int not null references links.teams); -- no key at all
create table links.friends (a int references links.users, b int references links.users, primary key (a, b)); -- a thing with its like

create schema details;
create table details.orders (id int primary key, note text);
create table details.lines (order_id int references details.orders, line int, what text, amount int, price numeric, vat numeric,
  primary key (order_id, line)); -- its key starts with the whole's
create table details.shipping (order_id int primary key references details.orders, street text); -- one for each
create table details.attachments (id int primary key, order_id int not null references details.orders on delete cascade, bytes bytea,
  kind_id int references details.orders); -- deleted with it
create table details.remarks (id int primary key, order_id int not null references details.orders, text text); -- nothing else
create table details.drafts (id int primary key, order_id int references details.orders, text text); -- may be without

create schema appends;
create table appends.users (id int primary key, name text);
create table appends.audit_log (id bigint generated always as identity primary key, at timestamptz not null default now(),
  user_id int not null references appends.users, what text); -- its name says enough
create table appends.events (id bigint generated always as identity primary key, at timestamptz not null default now(), what text);
insert into appends.events (what) select 'it happened' from generate_series(1, 12000);
create table appends.meetup_events (id int primary key, at timestamptz, title text); -- few rows: people work with them
create table appends.change_log (id int primary key, at timestamptz, updated_at timestamptz); -- small, and rows change
create table appends.page_views (id int primary key, created_at timestamptz, updated_at timestamptz); -- large, and they never do
insert into appends.page_views select g, now(), now() from generate_series(1, 110000) g;
create table appends.catalog (id int primary key, made_at timestamptz); -- has `log` in it, and is none
create table appends.payments (id int primary key, at timestamptz not null default now(), amount numeric);
insert into appends.payments select g, now(), g from generate_series(1, 12000) g; -- many, never updated, and no log
create table appends.login_history (id int primary key, at timestamptz, what text) partition by range (id);
create table appends.login_history_1 partition of appends.login_history for values from (0) to (6001);
create table appends.login_history_2 partition of appends.login_history for values from (6001) to (20000);
insert into appends.login_history select g, now(), 'x' from generate_series(1, 12000) g;
create table appends.job_logs (id int primary key, at timestamptz);
create table appends.job_log_lines (id int primary key, job_log_id int not null references appends.job_logs); -- somebody needs job_logs

create schema kin;
create table kin.measure (id int primary key, at timestamptz) partition by list (id);
create table kin.measure_a partition of kin.measure for values in (1) partition by hash (id);
create table kin.measure_a_0 partition of kin.measure_a for values with (modulus 1, remainder 0);
create table kin.measure_rest partition of kin.measure default;
create table kin.cities (id int primary key, name text);
create table kin.capitals (state text) inherits (kin.cities);

create schema circles;
create table circles.chicken (id int primary key, egg_id int not null);
create table circles.egg (id int primary key, chicken_id int not null references circles.chicken on delete cascade);
alter table circles.chicken add foreign key (egg_id) references circles.egg on delete cascade;
create table circles.node (id int primary key, parent_id int not null references circles.node on delete cascade);

create schema hub; -- everything has a tenant
create table hub.tenants (id int primary key, name text, plan text, since date);
create table hub.customers (id int primary key, tenant_id int not null references hub.tenants on delete cascade, name text);
create table hub.orders (id int primary key, tenant_id int not null references hub.tenants on delete cascade,
  customer_id int not null references hub.customers on delete cascade);
create table hub.order_items (id int primary key, tenant_id int not null references hub.tenants on delete cascade,
  order_id int not null references hub.orders on delete cascade, amount int);
create table hub.articles (id int primary key, tenant_id int not null references hub.tenants on delete cascade, title text);
create table hub.comments (id int primary key, tenant_id int not null references hub.tenants on delete cascade,
  article_id int not null references hub.articles on delete cascade, text text);
create table hub.coupons (id int primary key, tenant_id int not null references hub.tenants on delete cascade);

create schema "odd Names";
create table "odd Names"."Users" (id int primary key); -- Holdfast has users of its own
create table "odd Names"."users" (id int primary key);
create table "odd Names"."OrderItems" (id int primary key);
create table "odd Names"."2024 sales" (id int primary key);
create table "odd Names"."🎉" (id int primary key);
create table "odd Names"."Größe.ÆØ" (id int primary key);
create table "odd Names"."заказы" (id int primary key);
create table "odd Names"."class" (id int primary key);
create table "odd Names"."__proto__" (id int primary key);
create table "odd Names"."a""b
*/ // c" (id int primary key);
create schema audit;
create table audit.roles (id int primary key);
create table audit.things (id int primary key, role_id int references audit.roles);
create table public.roles (id int primary key);
create table public.things (id int primary key);

create schema aside;
create table aside.kept (id int primary key);
create table aside.keyless (a int, b text);
create view aside.seen as select * from aside.kept;
create materialized view aside.counted as select count(*) from aside.kept;
create foreign data wrapper dummy;
create server elsewhere foreign data wrapper dummy;
create foreign table aside.far (id int) server elsewhere;
create table aside.part_far (id int, at int) partition by list (id);
create table aside.part_near partition of aside.part_far for values in (1);
create foreign table aside.part_other partition of aside.part_far for values in (2) server elsewhere;
create table aside.schema_migrations (version text primary key);
create table aside._prisma_migrations (id text primary key);
create table aside.migrations (id int primary key, migration text, batch int);
create table aside.bird_migrations (id int primary key, species text);
create table aside.hidden (id int primary key, mine text);
create table aside.policed (id int primary key);
alter table aside.policed enable row level security;
create table aside.refers (id int primary key, hidden_id int references aside.hidden);
create schema holdfast_restore_0123456789abcdef0123456789abcdef_1;
create table holdfast_restore_0123456789abcdef0123456789abcdef_1.t1 (id int);
create table aside.lent (id int primary key);
alter extension plpgsql add table aside.lent;
