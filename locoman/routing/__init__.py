"""Which adapter should answer: stages that decide or pass on, run in order by `cascade.Router`."""
