"""The background server of one LOCOMAN_HOME: keeps a base and its adapters in memory and answers for every client."""
