-- Payments that were never used are forgotten by their age: storage/payments.py, sweep.
CREATE INDEX payments_expiry ON payments (expires_at);
