"""The record: measured results that are kept in `docs/results/`, and the pages that are made from them."""
