-- Who comes into the console through somebody else: `subject` is what that provider calls them, for ever and nobody else.
-- The release before knows nothing of it: its people sign in by their passwords.

CREATE TABLE console_identities (
    organization_id text NOT NULL,
    issuer          text NOT NULL,
    subject         text NOT NULL,
    person_id       text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (organization_id, issuer, subject),
    UNIQUE (organization_id, person_id, issuer),
    FOREIGN KEY (organization_id, person_id) REFERENCES console_people ON DELETE CASCADE
);
CREATE INDEX console_identities_subject ON console_identities (issuer, subject);
