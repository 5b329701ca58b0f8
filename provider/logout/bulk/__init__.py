"""Bulk logout: one watermark revokes very many sessions and grants at once (design §4).

`begin` moves the watermark, `walk` ends the rows in paced batches and notifies their apps, `steering` stops,
resumes and paces the walk, `queries` finds the remaining rows and the reach of a bulk logout.
"""
