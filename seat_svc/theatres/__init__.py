"""One port, three ways to reach a theatre's seats.

`hosted` keeps them here. Two more have their place beside it: `api` calls a
partner's server, `database` works in a partner's database. Where there is no
connector for a theatre, its shows answer THEATRE_UNAVAILABLE.
"""
