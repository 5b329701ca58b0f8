"""Background work: deliveries, the sweep, and the leased periodic duties.

Every worker process does all of it, and there may be any number of them. This room knows what is to be done
and when, not how: each duty is a function of the room that owns the noun. Celery itself is in `celery_app`.
"""
