-- Where the tokens of an account are given back (RFC 7009), if anywhere.
ALTER TABLE accounts ADD COLUMN revocation_endpoint TEXT;
