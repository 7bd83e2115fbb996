"""Anybody's model and samples, measured by one call: `from gradalign.report_card import Budget, measure`."""
from gradalign.report_card.card import Attack, Budget, measure
from gradalign.report_card.summary import Card
