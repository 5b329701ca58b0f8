"""Fuzzing of all that parses: targets, a small corpus, and a runner (`make fuzz`).

A target takes bytes and raises only for a defect. The corpus of each target is replayed by the normal tests
(test_corpus.py); `python -m tests.fuzz` looks for more with atheris, one target after the other.
"""
