// openid-client on a device without a keyboard: the person goes to the address that it shows.
import * as oidc from 'openid-client';
import { end, open, told } from './told.mjs';

const config = await oidc.discovery(new URL(told.issuer), told.client_id, {}, oidc.None(), {
  execute: [oidc.allowInsecureRequests],
});
const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid email' });
await open(shown.verification_uri_complete);
const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...shown, interval: 0.2 });

end({ userinfo: await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub) });
