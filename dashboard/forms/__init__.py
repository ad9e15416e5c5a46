"""What a person may ask of a page, checked and with words for what cannot be."""

from dashboard.forms.pages import (
    AdjustmentForm,
    AdviceForm,
    AllotForm,
    DecisionForm,
    GreenestForm,
    LedgerForm,
    ReasonForm,
)

__all__ = ["AdjustmentForm", "AdviceForm", "AllotForm", "DecisionForm", "GreenestForm", "LedgerForm", "ReasonForm"]
