"""Objects as Stripe shows them (API 2026-10-28.endive), whole, with the values that a test cares for changed."""

from typing import Any

type Json = dict[str, Any]
NOW = 1_790_000_000
TAX = {"tax_behavior": "exclusive", "taxability_reason": "standard_rated", "type": "tax_rate_details"}


def listed(*rows: Json, more: bool = False) -> Json:
    return {"object": "list", "data": list(rows), "has_more": more, "url": "/v1/things"}


def nothing(names: str) -> Json:
    return dict.fromkeys(names.split())


def line(identity: str = "il_1", **changes: Any) -> Json:
    return {
        **nothing("invoice parent subscription"),
        "id": identity, "object": "line_item", "amount": 3105, "currency": "aud", "description": "Labour",
        "discount_amounts": [], "discountable": True, "discounts": [], "livemode": False, "metadata": {},
        "period": {"start": NOW, "end": NOW}, "pretax_credit_amounts": [], "subtotal": 3105,
        "quantity": 1, "quantity_decimal": "1.500000000000",
        "pricing": {
            "type": "price_details", "unit_amount_decimal": "2070.00",
            "price_details": {"price": "price_1", "product": "prod_1"},
        },
        "taxes": [{"amount": 310, "taxable_amount": 3105, "tax_rate_details": {"tax_rate": "txr_1"}, **TAX}],
        **changes,
    }  # fmt: skip


def invoice_payment(identity: str = "inpay_1", **changes: Any) -> Json:
    return {
        "id": identity, "object": "invoice_payment", "amount_paid": None, "amount_requested": 3415, "created": NOW,
        "currency": "aud", "invoice": "in_1", "is_default": True, "livemode": False, "status": "open",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status_transitions": {"canceled_at": None, "paid_at": None}, **changes,
    }  # fmt: skip


def invoice(identity: str = "in_1", **changes: Any) -> Json:
    return {
        **nothing(
            "account_country account_name account_tax_ids application automatically_finalizes_at billing_reason "
            "custom_fields customer_account customer_address customer_email customer_phone customer_shipping "
            "customer_tax_exempt default_payment_method default_source description due_date effective_at "
            "ending_balance footer from_invoice last_finalization_error latest_revision next_payment_attempt number "
            "on_behalf_of parent receipt_number rendering shipping_cost shipping_details statement_descriptor "
            "test_clock webhooks_delivered_at"
        ),
        "id": identity, "object": "invoice", "status": "draft", "amount_due": 3415, "amount_overpaid": 0,
        "amount_paid": 0, "amount_remaining": 3415, "amount_shipping": 0, "attempt_count": 0, "attempted": False,
        "auto_advance": False, "automatic_tax": {
            "enabled": False, "liability": None, "status": None, "disabled_reason": None, "provider": None,
        },
        "collection_method": "send_invoice", "created": NOW, "currency": "aud", "customer": "cus_1",
        "customer_name": "Mrs Nguyen", "default_tax_rates": [], "discounts": [], "issuer": {"type": "self"},
        "lines": listed(line()), "livemode": False, "metadata": {"jobber_invoice_id": "Z2lk"},
        "payments": listed(), "payment_settings": {
            "default_mandate": None, "payment_method_options": None, "payment_method_types": None,
        },
        "period_start": NOW, "period_end": NOW, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "starting_balance": 0, "status_transitions": {
            "finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None,
        },
        "subtotal": 3105, "subtotal_excluding_tax": 3105, "total": 3415, "total_discount_amounts": [],
        "total_excluding_tax": 3105, "total_pretax_credit_amounts": [],
        "total_taxes": [{"amount": 310, "taxable_amount": 3105, "tax_rate_details": {"tax_rate": "txr_1"}, **TAX}],
        **changes,
    }  # fmt: skip


def charge(identity: str = "ch_1", **changes: Any) -> Json:
    return {
        **nothing(
            "application application_fee application_fee_amount balance_transaction calculated_statement_descriptor "
            "customer description failure_balance_transaction failure_code failure_message on_behalf_of outcome "
            "payment_method receipt_email receipt_number review shipping source source_transfer "
            "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
        ),
        "id": identity, "object": "charge", "amount": 11000, "amount_captured": 11000, "amount_refunded": 0,
        "billing_details": {**nothing("address email phone tax_id"), "name": "Minh Nguyen"}, "captured": True,
        "created": NOW + 60, "currency": "aud", "disputed": False, "fraud_details": None, "livemode": False,
        "metadata": {}, "paid": True, "payment_intent": "pi_1", "payment_method_details": {
            "type": "card", "card": {
                **nothing(
                    "amount_authorized authorization_code checks country electronic_commerce_indicator funding "
                    "installments mandate network network_token network_transaction_id regulated_status "
                    "three_d_secure transaction_link_id wallet"
                ), "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030,
            },
        },
        "receipt_url": "https://pay.stripe.com/receipts/1", "refunded": False, "status": "succeeded", **changes,
    }  # fmt: skip


def intent(identity: str = "pi_1", **changes: Any) -> Json:
    return {
        **nothing(
            "allowed_payment_method_types application application_fee_amount automatic_payment_methods canceled_at "
            "cancellation_reason client_secret customer_account description excluded_payment_method_types "
            "last_payment_error managed_payments next_action on_behalf_of payment_method "
            "payment_method_configuration_details payment_method_options payment_record processing receipt_email "
            "review setup_future_usage shipping source statement_descriptor statement_descriptor_suffix "
            "transfer_data transfer_group"
        ),
        "id": identity, "object": "payment_intent", "amount": 11000, "amount_capturable": 0, "amount_received": 11000,
        "capture_method": "automatic", "confirmation_method": "automatic", "created": NOW, "currency": "aud",
        "customer": "cus_1", "latest_charge": charge(), "livemode": False, "metadata": {},
        "payment_method_types": ["card"], "status": "succeeded", **changes,
    }  # fmt: skip


def tax_rate(**changes: Any) -> Json:
    return {
        **nothing("description flat_amount jurisdiction jurisdiction_level rate_type state tax_type"),
        "id": "txr_1", "object": "tax_rate", "active": True, "country": "AU", "created": NOW, "display_name": "GST",
        "effective_percentage": None, "inclusive": False, "livemode": False, "metadata": {}, "percentage": 10.0,
        **changes,
    }  # fmt: skip


def payment_record(**changes: Any) -> Json:
    """As the package's own types describe it; it is not in the published contract beside the project."""
    money = {"value": 5000, "currency": "aud"}
    parts = ("authorized", "canceled", "failed", "guaranteed", "refunded", "requested")
    return {
        **{f"amount_{part}": money for part in parts},
        "id": "pr_1", "object": "payment_record", "amount": money, "application": None, "created": NOW,
        "customer_details": {"customer": "cus_1", "email": None, "name": None, "phone": None},
        "customer_presence": None, "description": None, "latest_payment_attempt_record": None, "livemode": False,
        "metadata": {"jobber_payment_id": "77"}, "payment_method_details": {
            "billing_details": None, "custom": {"display_name": "Cash", "type": None}, "type": "custom",
        },
        "processor_details": {"type": "custom", "custom": {"payment_reference": "1042-1"}}, "reported_by": "self",
        "shipping_details": None, **changes,
    }  # fmt: skip
