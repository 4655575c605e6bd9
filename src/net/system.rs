//! The system's network: hickory for look-ups, sockets with an error queue for connects.
