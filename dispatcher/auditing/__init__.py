"""An auditor of alerts: looks whether what should have moved has moved, and whether the books agree. Read only."""
