"""`curfew client`: hosts of other letters than ASCII, registered as browsers send them."""

LETTERS, HOST = "bücher.example", "xn--bcher-kva.example"


def test_the_command_says_how_it_registered_the_address_and_shows_both_forms(curfew):
    added = curfew("client", "add", "--client-id", "red", "--redirect-uri", f"https://{LETTERS}/cb")

    assert f"https://{LETTERS}/cb is registered as https://{HOST}/cb" in added.err
    assert f"https://{HOST}/cb" in added.out
    assert curfew("client", "show", "red", "--json").json["redirect_uris"] == [f"https://{HOST}/cb"]
    shown = curfew("client", "show", "red").out
    assert f"https://{HOST}/cb ({LETTERS})" in shown
    assert "unwise" not in shown


def test_a_preset_takes_the_letters_too(curfew):
    made = curfew(
        "client", "add", "--client-id", "shop", "--for", "flask", "--base-url", f"https://{LETTERS}", "--json"
    ).json

    assert made["redirect_uris"] == [f"https://{HOST}/callback"]
