"""The newest version of each CRM record, and its fields under our names."""
