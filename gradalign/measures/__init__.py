"""Measures that may say how robust a model is, α among them: `table(model, x, y, ready(context), context=context)`."""
from gradalign.measures.core import MEASURES, Measure, means, predicts, ready, table
from gradalign.measures import local_linearity, clever, manifold, off_manifold, gradient_norm # each puts its own into MEASURES
