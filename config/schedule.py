"""What the worker does by the clock. Intervals are in seconds."""

from __future__ import annotations

from typing import Any

SCHEDULE: dict[str, Any] = {
    "collect-climate": {"task": "climate.tasks.collect_due_sources", "schedule": 60.0},
    "end-emergencies": {"task": "climate.tasks.end_emergencies", "schedule": 60.0},
    "keep-forecasts-good": {"task": "climate.tasks.keep_forecasts_good", "schedule": 3600.0},
    "retire-readings": {"task": "climate.tasks.retire_old_readings", "schedule": 86_400.0},
    "resume-reading-imports": {"task": "climate.tasks.resume_reading_imports", "schedule": 60.0},
    "forget-old-answers": {"task": "accounts.tasks.forget_old_answers", "schedule": 3600.0},
    "begin-budget-periods": {"task": "budgets.tasks.begin_due_periods", "schedule": 30.0},
    "deliver-alerts": {"task": "budgets.tasks.deliver_alerts", "schedule": 10.0, "options": {"expire_seconds": 10}},
    "sweep-holds": {"task": "budgets.tasks.sweep_holds", "schedule": 15.0},
    "tend-escrow": {"task": "budgets.tasks.tend_escrow", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "renew-seals": {"task": "budgets.tasks.renew_seals", "schedule": 3600.0},
    "forget-deliveries": {"task": "budgets.tasks.forget_deliveries", "schedule": 86_400.0},
    "learn-estimates": {"task": "budgets.tasks.learn_estimates", "schedule": 60.0},
    "note-forecasts": {"task": "budgets.tasks.note_forecasts", "schedule": 300.0},
    "propose-shares": {"task": "budgets.tasks.propose_changes", "schedule": 604_800.0},
    "expire-holds": {"task": "market.tasks.expire_overdue", "schedule": 15.0},
    "forget-old-plans": {"task": "market.tasks.forget_old_plans", "schedule": 3600.0},
    "take-up-planned-work": {"task": "market.tasks.take_up_due", "schedule": 60.0},
    "allocation-pass": {"task": "market.tasks.run_allocation_pass", "schedule": 300.0},
    "count-arrivals": {"task": "market.tasks.count_arrivals", "schedule": 600.0},
    "run-standing-rules": {"task": "market.tasks.run_standing_rules", "schedule": 300.0},
    "watch-conduct": {"task": "market.tasks.watch_conduct", "schedule": 3600.0},
    "snapshot-reputation": {"task": "market.tasks.snapshot_reputation", "schedule": 3600.0},
    "expire-orders": {"task": "market.tasks.expire_orders", "schedule": 15.0},
    "hold-calls": {"task": "market.tasks.hold_calls", "schedule": 10.0},
    "settle-loans": {"task": "market.tasks.settle_loans", "schedule": 60.0},
    "tend-logs": {"task": "sessions_app.tasks.tend_logs", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "tend-windows": {
        "task": "sessions_app.tasks.tend_cleanup",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "foresee-full-windows": {
        "task": "sessions_app.tasks.note_forecasts",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "archive-turns": {
        "task": "sessions_app.tasks.archive_old_turns",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "tend-rounds": {"task": "sessions_app.tasks.tend_rounds", "schedule": 15.0, "options": {"expire_seconds": 15}},
    "analyse-sessions": {
        "task": "sessions_app.tasks.analyse_sessions",
        "schedule": 600.0,
        "options": {"expire_seconds": 600},
    },
    "make-checkpoints": {
        "task": "sessions_app.tasks.make_checkpoints",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "make-session-vectors": {
        "task": "sessions_app.tasks.make_vectors",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "replay-spool": {"task": "sessions_app.tasks.replay_spool", "schedule": 15.0, "options": {"expire_seconds": 15}},
    "sweep-calls": {"task": "sessions_app.tasks.sweep_calls", "schedule": 15.0, "options": {"expire_seconds": 15}},
    "learn-triage": {"task": "sessions_app.tasks.learn_triage", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "renew-deployment-seals": {"task": "sessions_app.tasks.renew_deployment_seals", "schedule": 3600.0},
    "forget-gateway-answers": {"task": "sessions_app.tasks.forget_gateway_answers", "schedule": 3600.0},
    "tend-handoffs": {"task": "sessions_app.tasks.tend_handoffs", "schedule": 5.0, "options": {"expire_seconds": 5}},
}
