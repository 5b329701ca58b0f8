"""Every table, so that metadata and migrations see them all."""

import provider.accounts.models
import provider.audit.models
import provider.clients.models
import provider.clients.problems
import provider.delivery.models
import provider.grants.models
import provider.infrastructure.data_keys
import provider.infrastructure.leases
import provider.infrastructure.lineage
import provider.infrastructure.owned_objects
import provider.infrastructure.provider_state
import provider.infrastructure.repeated_requests
import provider.infrastructure.write_probe
import provider.interactions.models
import provider.keys.models
import provider.logout.models
import provider.logout.notification.punctuality
import provider.sessions.models
import provider.tokens.device_models
import provider.tokens.models  # noqa: F401 – imported for their effect on the metadata.
