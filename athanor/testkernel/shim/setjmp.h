/* cmocka wants it included; nobody uses it. */
