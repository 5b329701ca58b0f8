"""Bulk logout: one watermark revokes very many sessions and grants at once (design §4).

`begin` moves the watermark, `walk` ends the rows in paced batches and notifies their apps, `steering` stops,
resumes and paces that, `queries` says what is left and how far a bulk logout would reach.
"""
