//! The dispatcher: puts events in order, applies them, journals them, hands them on; takes orders.
