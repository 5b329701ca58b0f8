"""Authorization requests from a browser, a back channel or a device: read, validated, decided (core §3.1.2).

A request ends in a code, in tokens or in a registered error. The pages that ask a person are not here.
"""
