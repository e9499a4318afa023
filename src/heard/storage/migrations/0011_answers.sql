-- What a POS said in an exchange, and whether it was signed as agreed. The release before writes exchanges without.

-- `answer`: the answer to a call of ours, or the body of a callback, packed (storage/answers.py). `verdict`: good; bad:
-- which rule; none, where nothing was to be signed. `request_id`: of a call that came in, as the hub's log has it.
ALTER TABLE exchanges
    ADD COLUMN answer     bytea,
    ADD COLUMN verdict    text,
    ADD COLUMN request_id text;
