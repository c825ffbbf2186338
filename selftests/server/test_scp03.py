# SPDX-License-Identifier: Apache-2.0
"""SCP03 against recorded sessions of real cards.

The sessions are the test vectors of osmocom's pySim (AES-128, -192 and -256 at
levels 11, 03 and 33), whose cards draw pseudo-random challenges for the ISD-R,
AID A0000005591010FFFFFFFF8900000100. Key check values: Amendment D.
"""

import unittest

from scp03 import Keys, Scp03Error, Session, Wrapped, key_check_value, pad, unpad

h = bytes.fromhex
BASE = [h("000102030405060708090A0B0C0D0E0F"),
        h("101112131415161718191A1B1C1D1E1F"),
        h("202122232425262728292A2B2C2D2E2F")]
KEYS = {128: Keys(0x30, *BASE),
        192: Keys(0x31, *(k + k[:8] for k in BASE)),
        256: Keys(0x32, *(k + k for k in BASE))}
ISDR = h("A0000005591010FFFFFFFF8900000100")
PLAIN = ["80E2910006BF3E035C015A00", "80F22002", "80CA006600",
         "80F220020A4F0212345C054F9F70C5", "80F28002024F0000"]
EID = h("BF3E125A1089882119900000000000000000000005")

# bits, level, host challenge, answer to INITIALIZE UPDATE, EXTERNAL
# AUTHENTICATE, the five commands above protected, the answer to the first
SESSIONS = [
    (128, 0x11, "B13E5F938FC108C4",
     "000000000000000000003003703EB51047495B249F66C484C1D2EF1948000002",
     "84821100107D5F5826A993EBC89EEA24957FA0B3CE",
     ["84E291000EBF3E035C015A558D036518A2829700", "84F220020863A63F8959827FB2",
      "84CA006608A0C6A4A74166F7CE00", "84F22002124F0212345C054F9F70C52249B50272656536",
      "84F280020A4F00E91443F6DCE6B8ED00"],
     "BF3E125A1089882119900000000000000000000005971BE68992DBBDFA"),
    (128, 0x03, "8E1552D0513C60F3",
     "0000000000000000000030037030760CD2C47C1DD395065FE5EAD8A9D7000001",
     "8482030010FD4721A14D9B07003C451D2F8AE6BB21",
     ["84E2910018CA9C00F6713D79BC8BAA642BDFF51C3F6A4082D3BD9AD26C00",
      "84F2200208C9811B11F1264CF1", "84CA006608E10AB60B3054798800",
      "84F22002184E2908BDB48B2315A55482E9E936CA122D6ECFAE7D17416E",
      "84F28002180DD10A6B6193E5340B9E77D32D5A179CD710AC2773AEFB2800"],
     "BF3E125A1089882119900000000000000000000005"),
    (128, 0x33, "FDF38259A1E0DE44",
     "000000000000000000003003703B1ACA81E821F219081CDC01C26B372D000003",
     "84823300108C36F96BCC00724A4E13AD591D7DA3F0",
     ["84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F00",
      "84F2200208AC6A59024BED84CC", "84CA006608409912AD8FB7AED000",
      "84F22002185F3DAFC3AC14C381536A488BF44E06D056DF9D74DBD21E5A",
      "84F280021865165105BE3373347D0424D4400AF2AC393F569EC779389E00"],
     "F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B9"),
    (192, 0x11, "7396430B768B085B",
     "000000000000000000003103708CFC23522FFDBF1E5DF5542CAC8FD866000003",
     "84821100102145ED30B146F5DB252FB7E624CEC244",
     ["84E291000EBF3E035C015AFF42CF801D14394400", "84F22002084584E4F6784811EE",
      "84CA006608937776EBE190FA3000", "84F22002124F0212345C054F9F70C59A52BDDF3040368C",
      "84F280020A4F009804B11411F7393D00"],
     "BF3E125A1089882119900000000000000000000005162FBD33E04940A9"),
    (192, 0x03, "69C65DA8202BF19F",
     "00000000000000000000310370B570A67BE38446717729D6DD3D2EC5B1000001",
     "848203001065DF4F1A356A887905466516D9E5B7C1",
     ["84E2910018D2C6FB477C5D4AFE4FD4D21F17EFF10D3578EC1774A12A2D00",
      "84F2200208964E188F0B1BB697", "84CA006608F0820035A41D3E1800",
      "84F220021806B076ED452CD1FA84F77F5C08A146AA77A9286757DEA791",
      "84F2800218D06527E39222DCE091FABDB8E9B898417A67A6852D3577DB00"],
     "BF3E125A1089882119900000000000000000000005"),
    (192, 0x33, "9B3F2EEF0E8C9374",
     "00000000000000000000310370F6BB305A15BAE1A68F79FB08212FBED7000002",
     "84823300109100BC22D58B45B86A26365CE39FF3CF",
     ["84E29100188F7F946C84F70D17994BC6E8791251BB1BB1BF02CF8DE58900",
      "84F2200208D5D97754B6B3D2BA", "84CA006608516C82B8E30ADBEB00",
      "84F2200218CC247F4761E6944277A4E0D6E32E44025B1E31537E2FC668",
      "84F2800218BA22B63D509BEF5D093B43E5EAED03ED23144AB2D9CB51DE00"],
     "C05176C1B6F72AAE50C32CBEE63B0E95998928FD4DFB2BE9F27FFDE8C8476F5909B4805CC4039599"),
    (256, 0x11, "11666D57866C6F54",
     "0000000000000000000032037053EA8847EFA7674E41498A4D66CF0DEE000003",
     "84821100102F2AD190EFF2FAFC4908996D1CEBD310",
     ["84E291000EBF3E035C015AF4B680372542B59D00", "84F2200208D618B7DA68D5FE52",
      "84CA0066088F3E055DB23AD5E500", "84F22002124F0212345C054F9F70C5B6E15CC42404915E",
      "84F280020A4F00AA124AA74AFE7F7500"],
     "BF3E125A10898821199000000000000000000000058012DD7F01F1C4C1"),
    (256, 0x03, "C6066990FC426E1D",
     "000000000000000000003203708682CD81BBD8919F2DE3F2664581F118000001",
     "848203001077C493B632EDADAF865A1E64ACC07CE9",
     ["84E29100183DDAA60594963BEFAADA3525B492EDE23C2AB2C1CE3AFE4400",
      "84F2200208480DDC8E419DA38D", "84CA0066083E9D6A6C0B2D732000",
      "84F22002183EBFEF2DA8B04AF2A85F491F299B76973DF76FF08A4031BE",
      "84F2800218783FFF80990F5585B1055010EA95094A26E4A8F1EF4B18E100"],
     "BF3E125A1089882119900000000000000000000005"),
    (256, 0x33, "97B2055FE58599FD",
     "00000000000000000000320370A8439A22CEDF045FA9F1903B2834F26E000002",
     "8482330010508A0FD959D2E547C6B33154A6BE2057",
     ["84E29100187A5EF717EAF1E135AE92FE54429D0E465DECDA65F5FE5AEA00",
      "84F2200208BCC5C17275545D93", "84CA00660804806ABA9D543BB600",
      "84F2200218717222491556EC81A45F49CE48BE33320024801A1C4CB0E0",
      "84F2800218561F105BCCD3A1642904B251CCC1228BEB80A82370A8637000"],
     "EA90DBFA648A67C5EB6ABC57F8530B97D0CD5647C5E8732016B55203B078DD2ACE7F8BC5D1C1CD99"),
]


class Recorded(unittest.TestCase):
    def open(self, bits, level, challenge, answer, auth):
        s = Session(KEYS[bits], h(challenge), ISDR)
        self.assertEqual(s.initialize_update(),
                         bytes([0x80, 0x50, KEYS[bits].kvn, 0, 8]) + h(challenge) + b"\0")
        s.card_answer(h(answer) + b"\x90\x00")
        self.assertEqual(s.external_authenticate(level), h(auth))
        s.authenticated(b"\x90\x00")
        return s

    def test_sessions(self):
        for bits, level, challenge, answer, auth, wrapped, rsp in SESSIONS:
            with self.subTest(bits=bits, level=f"{level:02X}"):
                s = self.open(bits, level, challenge, answer, auth)
                first = s.wrap(h(PLAIN[0]))
                self.assertEqual(first.apdu, h(wrapped[0]))
                self.assertEqual(s.unwrap(h(rsp) + b"\x90\x00", first), (EID, 0x9000))
                for plain, want in zip(PLAIN[1:], wrapped[1:]):
                    self.assertEqual(s.wrap(h(plain)).apdu, h(want))

    def test_answers_after_a_batch(self):
        # The same, but all five commands are wrapped before the first answer.
        bits, level, challenge, answer, auth, wrapped, rsp = SESSIONS[2]
        s = self.open(bits, level, challenge, answer, auth)
        batch = [s.wrap(h(p)) for p in PLAIN]
        self.assertEqual([w.apdu for w in batch], [h(w) for w in wrapped])
        self.assertEqual(s.unwrap(h(rsp) + b"\x90\x00", batch[0])[0], EID)
        s.rewind(batch[1])
        self.assertEqual([s.wrap(h(p)).apdu for p in PLAIN[2:]], [h(w) for w in wrapped[2:]])

    def test_every_flipped_bit_is_noticed(self):
        s = self.open(*SESSIONS[2][:5])
        first = s.wrap(h(PLAIN[0]))
        good = h(SESSIONS[2][6]) + b"\x90\x00"
        for bit in range(len(good[:-2]) * 8):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(Scp03Error):
                s.unwrap(bytes(bad), first)

    def test_wrong_card(self):
        for cut in (0, 10, 28, 31, 33):
            s = Session(KEYS[128], h(SESSIONS[0][2]))
            with self.assertRaises(Scp03Error):
                s.card_answer((h(SESSIONS[0][3]) + b"\0")[:cut] + b"\x90\x00")
        for pos in (11, 12, 13, 20, 21, 28):
            answer = bytearray(h(SESSIONS[0][3]))
            answer[pos] ^= 1
            s = Session(KEYS[128], h(SESSIONS[0][2]), ISDR)
            with self.assertRaises(Scp03Error):
                s.card_answer(bytes(answer) + b"\x90\x00")
        with self.assertRaises(Scp03Error):
            Session(KEYS[128]).card_answer(b"\x6a\x88")

    def test_channel_in_the_class_byte(self):
        s = self.open(*SESSIONS[2][:5])
        # The MAC is that of channel 0; only the class byte differs.
        self.assertEqual(s.wrap(h("81" + PLAIN[0][2:])).apdu,
                         h("85" + SESSIONS[2][5][0][2:]))
        self.assertEqual(s.wrap(h("C0" + PLAIN[1][2:])).apdu,
                         h("E0" + SESSIONS[2][5][1][2:]))


class Pieces(unittest.TestCase):
    def test_kcv(self):
        self.assertEqual([key_check_value(k).hex() for k in BASE],
                         ["c35280", "013808", "840de5"])

    def test_padding(self):
        for n in range(40):
            data = bytes(n)
            self.assertEqual(len(pad(data)) % 16, 0)
            self.assertEqual(unpad(pad(data)), data)
        for bad in (b"", bytes(16), b"\x80" + bytes(16), b"\x81" * 16):
            with self.assertRaises(Scp03Error):
                unpad(bad)

    def test_errors_come_bare(self):
        s = Session(KEYS[128])
        s.level = 0x33
        s._s_rmac = bytes(16)
        w = Wrapped(b"", b"", 1, bytes(16))
        self.assertEqual(s.unwrap(b"\x69\x82", w), (b"", 0x6982))
        for bad in (b"", b"\x90", b"\x90\x00", b"\x01\x69\x82", b"\x63\x10"):
            with self.assertRaises(Scp03Error):
                s.unwrap(bad, w)


if __name__ == "__main__":
    unittest.main()
