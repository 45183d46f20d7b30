"""Who has the floor: three systems in the same rooms, with the same callers and one judge."""
