"""The only place that talks to the outside. One file per provider, all with the same signature:

`collect(http: SourceHttp, *, now: datetime) -> Collected`, raising SourceError.
"""
