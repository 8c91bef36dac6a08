/**
 * The API group of all kinds of the operator.
 */

export const group = 'telephony.trunkline.dev';
export const version = 'v1alpha1';
