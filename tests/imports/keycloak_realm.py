"""A realm as Keycloak writes it, with hashes that Keycloak made."""

import json

SECRET = "0t8VnT7ypHrSw1dK2KkhnZfFbHcwvYqM"
# Hashes that Keycloak made of `iceberg` and, in an older release, of `password`.
ARGON2 = {
    "type": "password",
    "secretData": json.dumps(
        {
            "value": "BuViHNDGmCq80fvpty/QoggTI8NSt0CuNDGgeoa5f5A=",
            "salt": "RJ0aLMQ2qKbZuROs7qQhcA==",
            "additionalParameters": {},
        }
    ),
    "credentialData": json.dumps(
        {
            "hashIterations": 5,
            "algorithm": "argon2",
            "additionalParameters": {
                "hashLength": ["32"],
                "memory": ["7168"],
                "type": ["id"],
                "version": ["1.3"],
                "parallelism": ["1"],
            },
        }
    ),
}
PBKDF2 = {
    "type": "password",
    "secretData": json.dumps(
        {
            "value": "JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=",
            "salt": "P5rtFkGtPfoaryJ6PizUJw==",
            "additionalParameters": {},
        }
    ),
    "credentialData": json.dumps(
        {"hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}
    ),
}
ADA = {
    "id": "cfb55bf6-fcbb-4a1e-bfec-30c6649b52f8",
    "username": "ada",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.test",
    "emailVerified": True,
    "enabled": True,
    "createdTimestamp": 1775365922330,
    "totp": False,
    "attributes": {"locale": ["en"], "tenant_id": ["7"]},
    "credentials": [ARGON2],
    "realmRoles": ["default-roles-shop", "clerk"],
    "groups": ["/staff"],
}
BEN = {
    "id": "3e1c1b1e-0000-4a1e-bfec-30c6649b52f8",
    "username": "ben",
    "enabled": False,
    "credentials": [PBKDF2, {"type": "otp", "secretData": "{}", "credentialData": "{}"}],
}
SHOP = {
    "id": "d2a7",
    "clientId": "shop",
    "name": "Shop",
    "rootUrl": "https://shop.example",
    "enabled": True,
    "protocol": "openid-connect",
    "clientAuthenticatorType": "client-secret",
    "secret": SECRET,
    "redirectUris": ["/callback", "https://shop.example/*"],
    "webOrigins": ["+"],
    "publicClient": False,
    "standardFlowEnabled": True,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": True,
    "serviceAccountsEnabled": True,
    "consentRequired": False,
    "frontchannelLogout": False,
    "attributes": {
        "backchannel.logout.url": "https://shop.example/backchannel-logout",
        "backchannel.logout.session.required": "true",
        "backchannel.logout.revoke.offline.tokens": "true",
        "post.logout.redirect.uris": "+##https://shop.example/signed-out",
        "pkce.code.challenge.method": "S256",
        "oauth2.device.authorization.grant.enabled": "false",
    },
    "defaultClientScopes": ["web-origins", "acr", "roles", "profile", "basic", "email", "warehouse"],
    "optionalClientScopes": ["address", "phone", "offline_access", "microprofile-jwt"],
}
SPA = {
    "clientId": "spa",
    "publicClient": True,
    "redirectUris": ["https://spa.example/"],
    "secret": "**********",
    "attributes": {"post.logout.redirect.uris": "-"},
}
REALM = {
    "id": "9e6f",
    "realm": "shop",
    "enabled": True,
    "groups": [{"name": "staff"}],
    "identityProviders": [],
    "clients": [
        {"clientId": "account", "redirectUris": ["/realms/shop/account/*"]},
        {"clientId": "realm-management", "bearerOnly": True},
        {"clientId": "api", "bearerOnly": True},
        {"clientId": "old", "protocol": "saml"},
        {**SHOP, "clientId": "hidden", "secret": "**********"},
        SHOP,
        SPA,
    ],
    "users": [
        ADA,
        BEN,
        {"id": "x", "username": "service-account-shop", "serviceAccountClientId": "shop"},
    ],
}
