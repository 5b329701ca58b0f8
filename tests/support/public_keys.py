"""Public keys that clients may register."""

# A point of P-256.
X, Y = "6vmjOSNFbZ4oWcFBkTfFnYPf8VKHyd-WrRwiR6jG6tw", "MbVUF65NrEvzrPk7A_dCmSNmZ27ldfZU1Umbk_PU3vs"
