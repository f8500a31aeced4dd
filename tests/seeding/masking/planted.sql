-- Values planted in every way in which a database can hold one.

CREATE SCHEMA seedbed;
CREATE TABLE seedbed.environment (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), name text NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT now(),
  marked_by text NOT NULL);
INSERT INTO seedbed.environment (name, marked_by) VALUES ('development', 'a test');

-- Tables, with dead rows and values in TOAST.
INSERT INTO person (email, first_name, note, city)
  SELECT 'planted.sentinel' || n || '@real.org', 'planted.sentinel' || n % 9,
  (SELECT string_agg('planted.sentinel' || md5(n || ':' || m), '')
    FROM generate_series(1, CASE WHEN n < 9 THEN 99 END) m),
  'Oslo' FROM generate_series(1, 400) n;
UPDATE person SET first_name = 'planted.sentinelx' WHERE id % 7 = 0;
INSERT INTO account SELECT email, id FROM person WHERE id <= 300;
INSERT INTO login (email) SELECT email FROM account;
INSERT INTO lead (email) SELECT 'planted.sentinel' || n || '@real.org' FROM generate_series(1, 200) n;
DELETE FROM lead WHERE id > 190;

-- A value that only the catalog has: that of rows older than their column.
ALTER TABLE lead DROP COLUMN other_email;
ALTER TABLE lead ADD COLUMN other_email varchar DEFAULT 'planted.sentinel.fast';
ALTER TABLE lead ALTER COLUMN other_email DROP DEFAULT;

-- Partitions, and inheritance children, one of which has columns of its own.
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (1) TO (100);
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
INSERT INTO visit SELECT id, email FROM person;
CREATE TABLE mailbox_0 PARTITION OF mailbox FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE mailbox_1 PARTITION OF mailbox FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO mailbox SELECT email, 5 FROM person;
CREATE TABLE contact_vip (PRIMARY KEY (id)) INHERITS (contact);
CREATE TABLE contact_old (since date, nick text) INHERITS (contact_vip);
INSERT INTO contact (email) SELECT email FROM person;
INSERT INTO contact_vip (email) SELECT email FROM person;
INSERT INTO contact_old (email, nick) SELECT email, email FROM person;

-- Rules and triggers that store or block what they see.
CREATE TABLE spy (seen text);
INSERT INTO spy SELECT 'planted.sentinel' FROM generate_series(1, 50);
CREATE RULE spying AS ON INSERT TO lead DO ALSO INSERT INTO spy VALUES (new.email || ' by rule');
CREATE RULE spying_on_updates AS ON UPDATE TO lead DO ALSO INSERT INTO spy VALUES (old.email || ' by rule');
CREATE RULE off AS ON DELETE TO lead DO ALSO INSERT INTO spy VALUES (old.email);
ALTER TABLE lead ENABLE ALWAYS RULE spying;
ALTER TABLE lead ENABLE REPLICA RULE spying_on_updates;
ALTER TABLE lead DISABLE RULE off;
CREATE FUNCTION store() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO spy VALUES (coalesce(old::text, new::text, tg_op)); RETURN coalesce(new, old); END $$;
CREATE FUNCTION block() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'blocked'; END $$;
CREATE TRIGGER store_person AFTER INSERT OR UPDATE OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION store();
ALTER TABLE person ENABLE ALWAYS TRIGGER store_person;
CREATE TRIGGER block_person BEFORE TRUNCATE ON person EXECUTE FUNCTION block();
CREATE TRIGGER idle_person BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE person ENABLE REPLICA TRIGGER idle_person;
CREATE TRIGGER off_person BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE person DISABLE TRIGGER off_person;
CREATE TRIGGER store_lead AFTER INSERT OR UPDATE OR DELETE ON lead FOR EACH ROW EXECUTE FUNCTION store();
ALTER TABLE lead ENABLE ALWAYS TRIGGER store_lead;
CREATE TRIGGER block_lead BEFORE TRUNCATE ON lead EXECUTE FUNCTION block();
CREATE TRIGGER idle_lead BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE lead ENABLE REPLICA TRIGGER idle_lead;
CREATE TRIGGER off_lead BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE lead DISABLE TRIGGER off_lead;
CREATE TRIGGER store_visit AFTER INSERT OR UPDATE OR DELETE ON visit FOR EACH ROW EXECUTE FUNCTION store();
ALTER TABLE visit ENABLE ALWAYS TRIGGER store_visit;
CREATE TRIGGER block_visit BEFORE TRUNCATE ON visit EXECUTE FUNCTION block();
CREATE TRIGGER idle_visit BEFORE UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE visit ENABLE REPLICA TRIGGER idle_visit;
CREATE TRIGGER off_visit BEFORE UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE visit DISABLE TRIGGER off_visit;
CREATE TRIGGER store_contact_vip AFTER INSERT OR UPDATE OR DELETE ON contact_vip FOR EACH ROW EXECUTE FUNCTION store();
ALTER TABLE contact_vip ENABLE ALWAYS TRIGGER store_contact_vip;
CREATE TRIGGER block_contact_vip BEFORE TRUNCATE ON contact_vip EXECUTE FUNCTION block();
CREATE TRIGGER idle_contact_vip BEFORE UPDATE ON contact_vip FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE contact_vip ENABLE REPLICA TRIGGER idle_contact_vip;
CREATE TRIGGER off_contact_vip BEFORE UPDATE ON contact_vip FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE contact_vip DISABLE TRIGGER off_contact_vip;
CREATE TRIGGER store_mailbox AFTER INSERT OR UPDATE OR DELETE ON mailbox FOR EACH ROW EXECUTE FUNCTION store();
ALTER TABLE mailbox ENABLE ALWAYS TRIGGER store_mailbox;
CREATE TRIGGER block_mailbox BEFORE TRUNCATE ON mailbox EXECUTE FUNCTION block();
CREATE TRIGGER idle_mailbox BEFORE UPDATE ON mailbox FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE mailbox ENABLE REPLICA TRIGGER idle_mailbox;
CREATE TRIGGER off_mailbox BEFORE UPDATE ON mailbox FOR EACH ROW EXECUTE FUNCTION block();
ALTER TABLE mailbox DISABLE TRIGGER off_mailbox;
ALTER TABLE visit_1 DISABLE TRIGGER store_visit;
ALTER TABLE visit_rest ENABLE REPLICA TRIGGER store_visit;

-- Views. The order in which the materialized ones were created is not that in which they read.
CREATE VIEW link AS SELECT 'nobody'::varchar(60) AS email;
CREATE MATERIALIZED VIEW last AS SELECT email FROM link;
CREATE MATERIALIZED VIEW middle AS SELECT email FROM visit;
CREATE OR REPLACE VIEW link AS SELECT email FROM middle;
CREATE FUNCTION read_last() RETURNS SETOF varchar LANGUAGE plpgsql AS
  $$ BEGIN RETURN QUERY SELECT email FROM public.last; END $$;
CREATE MATERIALIZED VIEW hidden AS SELECT email FROM read_last() AS email;
CREATE MATERIALIZED VIEW idle AS SELECT email FROM visit;
CREATE INDEX ON last (lower(email));
CREATE INDEX ON hidden (email);
REFRESH MATERIALIZED VIEW last;
REFRESH MATERIALIZED VIEW hidden;
CREATE VIEW leads AS SELECT email FROM lead;

-- Indexes and statistics: of expressions, of several columns, and not taken any more.
CREATE UNIQUE INDEX ix_lower ON person (lower(email)) WHERE city = 'Oslo';
ALTER INDEX ix_lower ALTER COLUMN 1 SET STATISTICS 50;
CREATE INDEX ix_lead ON lead (upper(email));
CREATE INDEX ix_name ON person (first_name) INCLUDE (email);
CREATE STATISTICS both_names (mcv, dependencies) ON first_name, city FROM person;
CREATE STATISTICS of_leads (mcv) ON email, lower(other_email) FROM lead;
ALTER STATISTICS both_names SET STATISTICS 40;
ALTER TABLE lead ALTER COLUMN email SET STATISTICS 300;
ALTER TABLE person ALTER COLUMN first_name SET STATISTICS 200;
ANALYZE;
ALTER TABLE lead ALTER COLUMN other_email SET STATISTICS 0;
ALTER STATISTICS of_leads SET STATISTICS 0;
REFRESH MATERIALIZED VIEW idle WITH NO DATA;

-- What hangs on a table.
COMMENT ON TABLE person IS 'people';
COMMENT ON COLUMN person.email IS 'where';
COMMENT ON INDEX ix_lower IS 'lower';
COMMENT ON CONSTRAINT account_person_id_fkey ON account IS 'whose';
COMMENT ON CONSTRAINT login_email_fkey ON login IS 'which';
COMMENT ON STATISTICS both_names IS 'both';
COMMENT ON TRIGGER store_lead ON lead IS 'spy';
COMMENT ON RULE spying ON lead IS 'rule';
CREATE INDEX ix_city ON person (city, email);
ALTER TABLE person CLUSTER ON ix_name;
ALTER TABLE lead REPLICA IDENTITY USING INDEX lead_pkey;
ALTER TABLE visit_1 REPLICA IDENTITY FULL;
ALTER TABLE account REPLICA IDENTITY USING INDEX account_pkey;
CREATE PUBLICATION all_leads FOR TABLE lead, person;
ALTER TABLE person SET (fillfactor = 70);
ALTER TABLE person ALTER COLUMN note SET STORAGE EXTERNAL;
ALTER TABLE person ALTER COLUMN first_name SET COMPRESSION pglz, ALTER COLUMN email SET (n_distinct = -1);
ALTER INDEX ix_city SET (fillfactor = 60);
GRANT SELECT (email), UPDATE (city) ON person TO PUBLIC;
GRANT SELECT ON lead TO PUBLIC;
ALTER TABLE lead ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON lead USING (email LIKE 'nobody%');
ALTER TABLE login ALTER CONSTRAINT login_email_fkey DEFERRABLE INITIALLY DEFERRED;

-- What the models do not describe.
SELECT lo_from_bytea(0, 'planted.sentinel'::bytea);
ALTER TABLE person ADD COLUMN legacy text DEFAULT 'nobody';
UPDATE person SET legacy = 'planted.sentinel';
CREATE SCHEMA neon_auth;
CREATE TABLE neon_auth.users_sync (email text);
INSERT INTO neon_auth.users_sync VALUES ('planted.sentinel');
CREATE TABLE country (code text);
INSERT INTO country VALUES ('NO');
