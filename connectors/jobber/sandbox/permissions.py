"""What each scope of an app reaches: fields of the schema, and topics of webhooks."""

from collections.abc import Mapping

from connectors.jobber.sandbox.payments import METHODS

READ_CLIENTS, WRITE_CLIENTS = "read_clients", "write_clients"
READ_INVOICES, WRITE_INVOICES = "read_invoices", "write_invoices"
READ_CONFIGURATIONS, WRITE_CONFIGURATIONS = "read_custom_field_configurations", "write_custom_field_configurations"
READ_USERS, READ_JOBS = "read_users", "read_jobs"

#: All that the app may ask for, with words for people.
SCOPES: Mapping[str, str] = {
    READ_CLIENTS: "Read clients",
    WRITE_CLIENTS: "Change clients",
    READ_INVOICES: "Read invoices and their payments",
    WRITE_INVOICES: "Change invoices",
    READ_JOBS: "Read jobs",
    READ_USERS: "Read users",
    READ_CONFIGURATIONS: "Read custom field settings",
    WRITE_CONFIGURATIONS: "Add custom fields",
}
#: Type.field -> the scope it takes. What is not named here takes none.
FIELDS: Mapping[str, str] = {
    "Query.client": READ_CLIENTS, "Query.clients": READ_CLIENTS, "Query.users": READ_USERS, "Query.user": READ_USERS,
    "Query.customFieldConfigurations": READ_CONFIGURATIONS, "Query.invoice": READ_INVOICES,
    "Query.invoices": READ_INVOICES, "Query.paymentRecord": READ_INVOICES, "Query.paymentRecords": READ_INVOICES,
    "Client.invoices": READ_INVOICES, "Invoice.client": READ_CLIENTS, "Invoice.salesperson": READ_USERS,
    **{f"{kind}.client": READ_CLIENTS for kind in METHODS.values()},
    "Invoice.jobs": READ_JOBS, "Invoice.archivedJobs": READ_JOBS, "Job.client": READ_CLIENTS,
    "Mutation.clientArchive": WRITE_CLIENTS, "Mutation.clientCreate": WRITE_CLIENTS,
    "Mutation.clientEdit": WRITE_CLIENTS, "Mutation.clientUnarchive": WRITE_CLIENTS,
    "Mutation.customFieldConfigurationCreateLink": WRITE_CONFIGURATIONS,
    "Mutation.customFieldConfigurationCreateText": WRITE_CONFIGURATIONS,
    "Mutation.invoiceClose": WRITE_INVOICES, "Mutation.invoiceCreate": WRITE_INVOICES,
    "Mutation.invoiceCreateNote": WRITE_INVOICES, "Mutation.invoiceEdit": WRITE_INVOICES,
    "Mutation.invoiceEditNote": WRITE_INVOICES, "Mutation.invoiceMarkAsSent": WRITE_INVOICES,
    "Mutation.invoiceReopen": WRITE_INVOICES, "Mutation.invoiceUnmarkBadDebt": WRITE_INVOICES,
}  # fmt: skip
#: Beginning of a topic -> the scope that must read it.
TOPICS: Mapping[str, str] = {"CLIENT": READ_CLIENTS, "INVOICE": READ_INVOICES, "PAYMENT": READ_INVOICES}
