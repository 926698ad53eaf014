//! RSA keys that a flawed generator made (ROCA, CVE-2017-15361): their modulus alone tells how to factor it.

/// The generator's primes are powers of 65537 to the modulus of each of these, and so are their products.
const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus has the generator's fingerprint; one sound key in a hundred million has it by chance.
pub(in crate::token) fn is_weak(modulus: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|&prime| is_power(remainder(modulus, prime), prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |remainder, &byte| (remainder << 8 | u32::from(byte)) % prime)
}

/// Whether `remainder` is a power of 65537 modulo `prime`.
fn is_power(remainder: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == remainder {
            return true;
        }
        power = power * (65537 % prime) % prime;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_the_generator_have_the_fingerprint_and_others_have_not() {
        assert!(is_weak(&[1]));
        assert!(is_weak(&[1, 0, 1]));
        assert!(is_weak(&[1, 0, 2, 0, 1]), "65537 squared");
        assert!(!is_weak(&[1, 0, 3]));
        assert!(!is_weak(&[3]), "a multiple of a small prime is no power");
    }
}
