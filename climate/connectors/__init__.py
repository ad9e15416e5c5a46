"""The only place that talks to the outside. One file per provider, all with the same contract:

`collect(http: SourceHttp, ask: Ask) -> Collected`, raising SourceError. `registry.py` lists them.
"""
