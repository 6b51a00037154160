\set account random(1, 1000000)
BEGIN;
SELECT audit_note('looks at :account');
SELECT abalance FROM pgbench_accounts WHERE aid = :account;
SELECT audit_note('adds to :account');
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :account;
SELECT audit_note('looks at :account again');
SELECT abalance FROM pgbench_accounts WHERE aid = :account;
SELECT audit_note('leaves :account');
END;
