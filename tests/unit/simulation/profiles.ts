/** The platform's own simulated services, for the tests of the simulation. @module */
import auth from "functions/auth/profile.ts";
import notification from "functions/notification/profile.ts";
import orders from "functions/orders/profile.ts";
import payments from "functions/payments/profile.ts";

export const profiles = [auth, orders, payments, notification];
